"""A site with everything that a manifest is made for: web, worker, beat, a migration and a task of another kind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from procession.engines.kubernetes.options import Options
from procession.engines.kubernetes.render import manifests
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

KUBECTL = str(Path(sys.executable).with_name("kubectl"))  # from PyPI, beside this Python
SITE = "/srv/mysite"
PYTHON = "/srv/mysite/.venv/bin/python"
OPTIONS = Options(image="registry.example:5000/mysite:1.4")
MIGRATED = (Dependency("migrate", Condition.COMPLETED),)
COMMON = {"DJANGO_SETTINGS_MODULE": "mysite.settings"}

WEB = Process(
    name="web",
    kind=Kind.PROCESS,
    backend="gunicorn",
    argv=(PYTHON, "-m", "gunicorn", "mysite.wsgi:application", "--bind=127.0.0.1:8000"),
    listeners=(Listener("127.0.0.1:8000"),),
    environment=COMMON,
    directory=SITE,
    replicas=2,
    depends_on=MIGRATED,
    readiness=Probe(path="/health/", https=True),
    stop=(StopStep("TERM", 30.0), StopStep("QUIT", 2.0)),
)
WORKER = Process(
    name="worker",
    kind=Kind.PROCESS,
    backend="celery-worker",
    argv=(PYTHON, "-m", "celery", "-A", "mysite", "worker"),
    environment=COMMON,
    directory=SITE,
    replicas=2,
    depends_on=MIGRATED,
    readiness=Probe(type=ProbeType.APP),
    liveness=Probe(type=ProbeType.HEARTBEAT, interval_seconds=15.0, failures=6),
    stop=(StopStep("TERM", 60.0), StopStep("QUIT", 10.0)),
    limits=Limits(memory_bytes=4 * 2**30, cpu=4.0),
)
BEAT = Process(
    name="beat",
    kind=Kind.PROCESS,
    backend="celery-beat",
    argv=(PYTHON, "-m", "celery", "-A", "mysite", "beat", "--schedule=/tmp/beat"),
    environment=COMMON,
    directory=SITE,
    depends_on=MIGRATED,
    readiness=Probe(type=ProbeType.NONE),
    stop=(StopStep("TERM", 10.0),),
    singleton=True,
)
MIGRATE = Process(
    name="migrate",
    kind=Kind.TASK,
    backend="manage",
    argv=(PYTHON, f"{SITE}/manage.py", "migrate", "--noinput"),
    environment=COMMON,
    directory=SITE,
    readiness=Probe(type=ProbeType.NONE),
    restart=RestartWhen.NEVER,
)


def stack(*processes: Process) -> Stack:
    return Stack(name="mysite", directory=SITE, processes=processes or (MIGRATE, WEB, WORKER, BEAT))


def objects(site: Stack, options: Options = OPTIONS) -> dict[str, Any]:
    """All manifests by "Kind name"."""
    found = [one for documents in manifests(site, options).values() for one in documents]
    return {f"{one['kind']} {one['metadata']['name']}": one for one in found}  # type: ignore[call-overload,index]


def container(process: Process, options: Options = OPTIONS) -> Any:
    """Of its Deployment."""
    return objects(stack(process), options)[f"Deployment mysite-{process.name}"]["spec"]["template"]["spec"][
        "containers"
    ][0]
