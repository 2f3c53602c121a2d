"""Which server program a command runs that was written out: `gunicorn mysite.wsgi`, `celery -A mysite worker`.

So a Procfile's lines get the right profile (how to stop it, what never to run twice, how readiness is known), although
their argv stays as it was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from procession.backends.base import Backend, Command
from procession.stack.model import Declaration, Site
from procession.stack.shell import expand, words_of

# In front of a program, and then become it or pass every signal on.
WRAPPERS = (
    ("uv", "run"),
    ("poetry", "run"),
    ("pipenv", "run"),
    ("pdm", "run"),
    ("hatch", "run"),
    ("ddtrace-run",),
    ("newrelic-admin", "run-program"),
    ("opentelemetry-instrument",),
    ("tini", "--"),
    ("dumb-init",),
)
PROGRAMS = {
    "gunicorn": "gunicorn",
    "uvicorn": "uvicorn",
    "granian": "granian",
    "hypercorn": "hypercorn",
    "daphne": "daphne",
    "waitress-serve": "waitress",
    "waitress": "waitress",
    "cheroot": "cheroot",
}
CELERY = {"worker": "celery-worker", "beat": "celery-beat", "flower": "celery-flower"}
MANAGE = {
    "db_worker": "django-tasks-db",
    "qcluster": "django-q2",
    "run_huey": "huey",
    "rundramatiq": "dramatiq",
    "rqworker": "rq",
    "rqworker-pool": "rq-pool",
    "procrastinate": "procrastinate",
}


@dataclass(frozen=True, slots=True)
class Recognised:
    backend: str  # its short name
    args: tuple[str, ...]  # what the program was given


def recognise(argv: tuple[str, ...], variables: Mapping[str, str]) -> Recognised | None:
    """The backend whose program this argv runs; None for any other. `variables` are those that $NAME may stand for."""
    words = _program([expand(word, variables) for word in words_of(argv)])
    if not words:
        return None
    name, rest = words[0].rpartition("/")[2], words[1:]
    if name == "celery":
        return _subcommand(CELERY, rest)
    if name in {"manage.py", "django-admin"}:
        return _subcommand(MANAGE, rest)
    return Recognised(PROGRAMS[name], tuple(rest)) if name in PROGRAMS else None


def as_written(backend: Backend, args: tuple[str, ...]) -> Backend:
    """`backend`, but with the declaration's own COMMAND as argv: nothing is added to it, nothing is handed over."""

    def build(declaration: Declaration, site: Site, stop_timeout_seconds: float) -> Command:
        same = replace(declaration, backend=backend.name, args=args, command=None)
        command = backend.build(same, site, stop_timeout_seconds)
        return replace(command, argv=declaration.command or (), handoff=(), problems=())

    return replace(backend, build=build, asks_django=False)


def _program(words: Sequence[str]) -> list[str]:
    """Without wrappers, and without `python -m` or `python` in front of a script."""
    found = list(words)
    while wrapper := next((one for one in WRAPPERS if tuple(found[: len(one)]) == one), None):
        found = found[len(wrapper) :]
    if found and found[0].rpartition("/")[2].startswith("python"):
        found = found[1:]
        while found and found[0] in {"-u", "-m", "-O", "-I", "-B"}:
            found = found[1:]
    return found


def _subcommand(table: Mapping[str, str], words: Sequence[str]) -> Recognised | None:
    index = next((index for index, word in enumerate(words) if word in table), None)
    return None if index is None else Recognised(table[words[index]], tuple(words[index + 1 :]))
