"""A small site, as the loader would give it, with something of everything that systemd is told."""

from __future__ import annotations

from procession.engines.base import Asked
from procession.engines.systemd.options import Options
from procession.engines.systemd.render import render
from procession.stack.model import (
    Condition,
    Dependency,
    Kind,
    Limits,
    Listener,
    Probe,
    ProbeType,
    Process,
    RestartWhen,
    Stack,
    StopStep,
)

PYTHON = "/usr/bin/python3"
MIGRATE = Process(
    name="migrate",
    kind=Kind.TASK,
    backend="manage",
    argv=(PYTHON, "/srv/manage.py", "migrate"),
    directory="/srv",
    user="www-data",
    readiness=Probe(type=ProbeType.NONE),
    restart=RestartWhen.NEVER,
)
WEB = Process(
    name="web",
    kind=Kind.PROCESS,
    backend="gunicorn",
    argv=(PYTHON, "-m", "gunicorn", "mysite.wsgi", "--bind=127.0.0.1:8000"),
    handoff=(PYTHON, "-m", "gunicorn", "mysite.wsgi"),
    listeners=(Listener("127.0.0.1:8000"),),
    environment={"DJANGO_SETTINGS_MODULE": "mysite.settings"},
    env_files=("/etc/mysite.env",),
    directory="/srv",
    user="www-data",
    group="www-data",
    replicas=2,
    tells_ready=True,
    stop=(StopStep("TERM", 30.0), StopStep("QUIT", 5.0)),
    reload_signal="HUP",
    depends_on=(Dependency("migrate", Condition.COMPLETED),),
)
WORKER = Process(
    name="worker",
    kind=Kind.PROCESS,
    backend="celery-worker",
    argv=(PYTHON, "-m", "celery", "worker"),
    directory="/srv",
    user="www-data",
    replicas=2,
    tells_ready=True,
    readiness=Probe(type=ProbeType.APP),
    stop=(StopStep("TERM", 600.0),),
    limits=Limits(memory_bytes=2**31, cpu=2.0, files=4096, processes=100, nice=5),
)
BEAT = Process(
    name="beat",
    kind=Kind.PROCESS,
    backend="celery-beat",
    argv=(PYTHON, "-m", "celery", "beat"),
    directory="/srv",
    user="www-data",
    readiness=Probe(type=ProbeType.APP),
    singleton=True,
    depends_on=(Dependency("worker", Condition.READY),),
)
STACK = Stack(name="mysite", directory="/srv", processes=(MIGRATE, WEB, WORKER, BEAT))


def unit(process: Process, path: str = "", options: Options | None = None) -> dict[str, list[str]]:
    """The settings of the unit that is rendered for a site of this process alone; `path` if it is another file."""
    stack = Stack(name="mysite", directory="/srv", processes=(process,))
    files = {file.path: file.text for file in render(stack, options or Options()).files}
    text = files[path] if path else next(text for name, text in files.items() if name.endswith(".service"))
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            found.setdefault(key, []).append(value)
    return found


def asked(*names: str, **replicas: int) -> Asked:
    return Asked(stack=STACK, options=Options(), directory="/etc/systemd/system", names=names, replicas=replicas)
