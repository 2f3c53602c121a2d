"""The reference page of the backends, from their names, profiles and what they make of an example."""

from __future__ import annotations

import inspect
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import metadata
from pathlib import Path
from signal import Signals
from types import ModuleType

from procession.backends import registry
from procession.backends.base import Backend, Command, Profile
from procession.load.choose import requirement
from procession.sources.settings import read_settings
from procession.stack.declare import declare
from procession.stack.model import Kind, Probe, ProbeType, Site

HEAD = """\
# Backends

<!-- Written by script/reference.py from the files in src/procession/backends: change those, and run it. -->

A **backend** is what Procession knows about one server program: how its command is made from `ARGS`, how it is told to
stop without losing work, whether it can reload, and when it is ready. `BACKEND` takes the short name, or one of the
dotted paths of django-prodserver.

`ARGS` are the program's own options, as its manual has them; underscores and dashes are the same. `True` is a flag,
`False` leaves it out or says its opposite, a list gives the option several times. What the installed program does not
know is an error with a suggestion ([E040](problems.md#e040)).

- **Stop**: the *stop ladder*. Each step is a signal to the main process alone, and the time that it gets. After the
  last one comes SIGKILL, for the whole tree. `STOP_TIMEOUT` is the time of the first step; the server's own graceful
  timeout is set to fit.
- **Listener handed over**: the supervisor binds the address, and the program gets the open socket as descriptor 3. So a
  port never closes while the program restarts, and several instances share it.
- **Ready**, *told by the site*: with `procession` in INSTALLED_APPS the program says so itself, once the site's code is
  loaded. What is asked without it stands behind.
"""
LAST = """\
## Other programs

Any class of your own that derives from django-prodserver's `BaseServerBackend` runs as it is: write its dotted path as
`BACKEND`. A package may bring a backend: an entry point in the group `procession.backends`, whose name is the short
name and whose value is a `Backend` (see `src/procession/backends/base.py`).

A `COMMAND`, in the settings or in a Procfile, that is seen to run one of the programs above gets its profile, so it is
stopped and watched as it should be; its words stay as they were written, and it binds its own address.
"""
EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "gunicorn": {"ARGS": {"bind": "127.0.0.1:8000", "workers": 4}},
    "gunicorn-asgi": {"ARGS": {"bind": "127.0.0.1:8000", "workers": 4}},
    "uvicorn": {"ARGS": {"host": "127.0.0.1", "port": 8000, "workers": 4}},
    "uvicorn-wsgi": {"ARGS": {"host": "127.0.0.1", "port": 8000, "workers": 4}},
    "granian": {"ARGS": {"host": "127.0.0.1", "port": 8000, "workers": 4}},
    "granian-asgi": {"ARGS": {"host": "127.0.0.1", "port": 8000, "workers": 4}},
    "granian-wsgi": {"ARGS": {"host": "127.0.0.1", "port": 8000, "workers": 4}},
    "hypercorn": {"ARGS": {"bind": "127.0.0.1:8000"}, "REPLICAS": 4},
    "daphne": {"ARGS": {"bind": "127.0.0.1", "port": 8000}},
    "waitress": {"ARGS": {"listen": "127.0.0.1:8000", "threads": 8}},
    "cheroot": {"ARGS": {"bind": "127.0.0.1:8000", "threads": 8}},
    "celery-worker": {"APP": "mysite.celery", "ARGS": {"concurrency": 4, "loglevel": "info"}},
    "celery-beat": {"APP": "mysite.celery", "ARGS": {"loglevel": "info"}},
    "celery-flower": {"APP": "mysite.celery", "ARGS": {"address": "127.0.0.1", "port": 5555}},
    "django-tasks-db": {"REPLICAS": 4},
    "django-q2": {},
    "huey": {"ARGS": {"workers": 4, "worker-type": "process"}},
    "dramatiq": {"ARGS": {"processes": 2, "threads": 4}},
    "rq": {"ARGS": {"queues": ["high", "default"]}, "REPLICAS": 4},
    "rq-pool": {"ARGS": {"queues": ["high", "default"], "num-workers": 4}},
    "rq-cron": {"APP": "mysite.cron"},
    "procrastinate": {"ARGS": {"concurrency": 4}},
    "runserver": {"ARGS": {"addrport": "127.0.0.1:8000"}},
    "manage": {"COMMAND": "migrate --noinput"},
    "command": {"COMMAND": "bin/serve --port 9000"},
}
PARTS = {
    "Web servers": (
        "gunicorn", "gunicorn-asgi", "uvicorn", "uvicorn-wsgi", "granian", "granian-asgi", "granian-wsgi", "hypercorn",
        "daphne", "waitress", "cheroot",
    ),
    "Task runners": (
        "celery-worker", "celery-beat", "celery-flower", "django-tasks-db", "django-q2", "huey", "dramatiq", "rq",
        "rq-pool", "rq-cron", "procrastinate",
    ),
    "Development": ("runserver",),
    "Anything else": ("manage", "command"),
}  # fmt: skip


def backends_page() -> str:
    """The whole page, in Markdown. Raises ValueError for a backend without an example."""
    if missing := {*registry.names()} ^ {name for names in PARTS.values() for name in names}:
        raise ValueError(f"script/pages/backends.py and the backends differ: {', '.join(sorted(missing))}")
    parts = [HEAD.strip()]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "manage.py").touch()
        for title, names in PARTS.items():
            parts += [f"## {title}", *_sections(names, folder)]
    return "\n\n".join([*parts, LAST.strip()]) + "\n"


def _sections(names: tuple[str, ...], folder: str) -> Iterator[str]:
    """What is known about a program is said once, under the first of its backends."""
    told: list[str] = []
    for name in names:
        backend = registry.find(name)
        assert backend is not None
        yield f"### {name}"
        for text in _knowledge(backend):
            if text not in told:
                told.append(text)
                yield text
        yield f"```python\n{_declaration(name)}\n```"
        yield _facts(backend, folder)


def _knowledge(backend: Backend) -> Iterator[str]:
    """The docstrings of the backend's file and of its profile, which are the knowledge."""
    module = inspect.getmodule(backend.build)
    assert isinstance(module, ModuleType)
    yield inspect.getdoc(module) or ""
    yield from filter(None, [inspect.getdoc(backend.profile)])


def _declaration(name: str) -> str:
    keys = {"BACKEND": name, **EXAMPLES[name]}
    return "{" + ", ".join(f'"{key}": {_python(value)}' for key, value in keys.items()) + "}"


def _python(value: object) -> str:
    return repr(value).replace("'", '"')


def _facts(backend: Backend, folder: str) -> str:
    told, asked = (_command(backend, folder, has_app=has_app) for has_app in (True, False))
    profile = backend.profile(told)
    rows = {
        "Names": ", ".join(f"`{name}`" for name in (backend.name, *backend.aliases)),
        "Install": f'`pip install "{requirement(backend)}"`' if _has_extra(backend) else "",
        "Runs": _argv(told.argv, folder),
        "Listener handed over": _handed_over(told, folder),
        "Stop": _ladder(profile),
        "Reload": f"SIG{profile.reload_signal}" if profile.reload_signal else "none: restart it",
        "Ends well with": ", ".join(_exit(status) for status in profile.success),
        "Ready": _ready(profile.readiness, backend.profile(asked).readiness),
        "Alive": _alive(profile),
        "Waiting tasks": "[are counted](../how-to/metrics.md#queues)" if backend.queues else "",
        "Kind": "a task: runs to its end, once" if profile.kind is Kind.TASK else "",
        "Singleton": "yes: there are never two" if profile.singleton else "",
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items() if value)])


def _command(backend: Backend, folder: str, *, has_app: bool) -> Command:
    site = Site(
        directory=folder, python="python", settings_module="mysite.settings", wsgi="mysite.wsgi:application",
        asgi="mysite.asgi:application", has_app=has_app,
    )  # fmt: skip
    raw = {backend.name: {"BACKEND": backend.name, **EXAMPLES[backend.name]}}
    declaration = declare(read_settings(raw, None, "mysite.settings")).said[0].declaration
    first = backend.build(declaration, site, 30.0)
    return backend.build(declaration, site, backend.profile(first).stop_timeout_seconds)


def _has_extra(backend: Backend) -> bool:
    return backend.requires in (metadata("procession").get_all("Provides-Extra") or []) or "-" in backend.requires


def _argv(argv: tuple[str, ...], folder: str) -> str:
    return f"`{shlex.join(argv).replace(folder + '/', '')}`"


def _handed_over(command: Command, folder: str) -> str:
    if not command.listeners:
        return ""
    return f"yes: {_argv(command.handoff, folder)}" if command.handoff else "no: it binds its own address"


def _ladder(profile: Profile) -> str:
    steps = [
        f"SIG{name}, {f'`STOP_TIMEOUT` ({profile.stop_timeout_seconds:g} s)' if seconds is None else f'{seconds:g} s'}"
        for name, seconds in profile.stop
    ]
    return "; ".join([*steps, "SIGKILL"])


def _exit(status: int) -> str:
    return f"exit {status}" if status >= 0 else f"death by {Signals(-status).name}"


def _ready(told: Probe, asked: Probe) -> str:
    return _probe(told) if told == asked else f"{_probe(told)}; else {_probe(asked)}"


def _alive(profile: Profile) -> str:
    return "[its main loop turns](../how-to/workers.md), as told by the site" if profile.liveness else ""


def _probe(probe: Probe) -> str:
    match probe.type:
        case ProbeType.APP:
            return "told by the site"
        case ProbeType.HTTP:
            return f"`GET {probe.path}` gives a status below {probe.status_below}"
        case ProbeType.NONE:
            return "as soon as it is started"
        case _:
            return f"a {probe.type} probe"
