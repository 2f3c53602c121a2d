"""What a site probably runs, judged by what it has installed: facts in, a proposed declaration out. Pure.

To know one more package is one more line in a table here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Value = str | int | Mapping[str, str | int] | list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a site. `versions`: normalised distribution name -> version; `apps`: INSTALLED_APPS."""

    versions: Mapping[str, str]
    apps: tuple[str, ...] = ()
    wsgi: str = ""
    asgi: str = ""
    celery_app: str = ""
    has_beat_schedule: bool = False
    is_django: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """One process: its keys as in settings, and why. `is_doubtful`: shown as a comment, for a person to decide."""

    name: str
    why: str
    keys: Mapping[str, Value]
    is_doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """A web server that we would choose: its distribution, and what its ARGS should say."""

    distribution: str
    backend: str
    args: Mapping[str, str | int]


# The first that is installed is taken.
WSGI_SERVERS = (
    Server("gunicorn", "gunicorn", {"bind": "127.0.0.1:8000", "workers": 3}),
    Server("granian", "granian-wsgi", {"host": "127.0.0.1", "port": 8000, "workers": 3}),
    Server("waitress", "waitress", {"listen": "127.0.0.1:8000", "threads": 8}),
    Server("cheroot", "cheroot", {"bind": "127.0.0.1:8000"}),
    Server("uvicorn", "uvicorn", {"host": "127.0.0.1", "port": 8000, "workers": 3}),
)
ASGI_SERVERS = (
    Server("uvicorn", "uvicorn", {"host": "127.0.0.1", "port": 8000, "workers": 3}),
    Server("granian", "granian", {"host": "127.0.0.1", "port": 8000, "workers": 3}),
    Server("hypercorn", "hypercorn", {"bind": "127.0.0.1:8000", "workers": 3}),
    Server("daphne", "daphne", {"bind": "127.0.0.1", "port": 8000}),
)
ASYNC_APPS = frozenset({"channels", "daphne"})
# A queue's app in INSTALLED_APPS -> the process's name, and its keys.
QUEUES: Mapping[str, tuple[str, Mapping[str, Value]]] = {
    "django_tasks_db": ("tasks", {"BACKEND": "django-tasks-db"}),
    "django_tasks.backends.database": ("tasks", {"BACKEND": "django-tasks-db"}),
    "django_q": ("qcluster", {"BACKEND": "django-q2"}),
    "huey.contrib.djhuey": ("huey", {"BACKEND": "huey", "ARGS": {"workers": 2}}),
    "django_dramatiq": ("dramatiq", {"BACKEND": "dramatiq", "ARGS": {"processes": 2, "threads": 4}}),
    "django_rq": ("rq", {"BACKEND": "rq"}),
    "procrastinate.contrib.django": ("procrastinate", {"BACKEND": "procrastinate"}),
}
BEAT_APP = "django_celery_beat"
BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"


def propose(facts: Facts) -> list[Proposed]:
    """The processes that we would declare, in the order in which a person thinks of them."""
    if not facts.is_django:
        why = "any command will do; a web server's own backend knows how to stop and reload it"
        return [Proposed(name="web", why=why, keys={"COMMAND": "python -m http.server 8000 --bind 127.0.0.1"})]
    return [*_web(facts), *_celery(facts), *_queues(facts), _migrate()]


def _web(facts: Facts) -> Iterator[Proposed]:
    is_async = bool(ASYNC_APPS.intersection(facts.apps)) or (bool(facts.asgi) and not facts.wsgi)
    servers, interface = (ASGI_SERVERS, "ASGI") if is_async else (WSGI_SERVERS, "WSGI")
    chosen = next((server for server in servers if server.distribution in facts.versions), None)
    if chosen:
        application = facts.asgi if is_async else facts.wsgi
        why = f"{_version(facts, chosen.distribution)} is installed; {interface}: {application}"
    else:
        chosen = servers[0]
        why = f'no {interface} server is installed; for this one: pip install "procession[{chosen.distribution}]"'
    yield Proposed(name="web", why=why, keys={"BACKEND": chosen.backend, "ARGS": chosen.args})


def _celery(facts: Facts) -> Iterator[Proposed]:
    if "celery" not in facts.versions:
        return
    if not facts.celery_app:
        why = f"{_version(facts, 'celery')} is installed, but there is no celery.py beside the settings"
        yield Proposed(
            name="worker", why=why, keys={"BACKEND": "celery-worker", "APP": "mysite.celery"}, is_doubtful=True
        )
        return
    keys: dict[str, Value] = {"BACKEND": "celery-worker", "APP": facts.celery_app}
    why = f"{_version(facts, 'celery')} is installed"
    yield Proposed(name="worker", why=why, keys={**keys, "ARGS": {"loglevel": "info", "concurrency": 2}})
    yield _beat(facts)


def _beat(facts: Facts) -> Proposed:
    args: dict[str, str | int] = {"loglevel": "info"}
    if BEAT_APP in facts.apps:
        why, args["scheduler"] = f"{BEAT_APP} is in INSTALLED_APPS; there is never more than one beat", BEAT_SCHEDULER
    elif facts.has_beat_schedule:
        why = "there is a beat schedule; there is never more than one beat"
    else:
        why = "no beat schedule was found; uncomment this if there is one"
    keys: dict[str, Value] = {"BACKEND": "celery-beat", "APP": facts.celery_app, "ARGS": args}
    return Proposed(
        name="beat", why=why, keys=keys, is_doubtful=BEAT_APP not in facts.apps and not facts.has_beat_schedule
    )


def _queues(facts: Facts) -> Iterator[Proposed]:
    seen = set()
    for app, (name, keys) in QUEUES.items():
        if app in facts.apps and name not in seen:
            seen.add(name)
            yield Proposed(name=name, why=f"{app} is in INSTALLED_APPS", keys=keys)


def _migrate() -> Proposed:
    why = 'to migrate before the rest starts, uncomment this and give the others "DEPENDS_ON": ["migrate"]'
    return Proposed(
        name="migrate", why=why, keys={"BACKEND": "manage", "COMMAND": "migrate --noinput"}, is_doubtful=True
    )


def _version(facts: Facts, distribution: str) -> str:
    return f"{distribution} {facts.versions[distribution]}"
