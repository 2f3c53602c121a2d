"""`apply` on Swarm: its checker, secrets, stores, the tasks of the release in order, then all that stays.

Swarm itself knows no order: a service is there, or is not. So each step is a file of its own, and we wait in between.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from procession.engines.base import Asked
from procession.engines.containers import swarmed
from procession.engines.containers.docker import well
from procession.engines.containers.swarm_secrets import secret_names
from procession.engines.containers.swarm_updates import refuse, service, settled, tasks_command
from procession.engines.containers.tasks_seen import end_of
from procession.engines.envfiles import DOCKER_FIX, is_alike_in_docker, refuse_misread
from procession.engines.steps import Await, Command, News, Steps
from procession.stack.model import Kind, Process

RELEASE_SECONDS: Final = 3600.0  # A migration may take long; what runs goes on.
CONFIG: Final = ("docker", "stack", "config")  # reads a file as `docker stack deploy` does, and asks no daemon


def check(asked: Asked) -> Steps[None]:
    """Docker's own reading of each file, before anything is touched. Raises Refusal.

    `docker stack config` came with Docker 25; before, Compose is asked, if it is there.
    """
    refuse_misread(asked, asked.options.env_file, is_alike_in_docker, "`docker stack deploy`", DOCKER_FIX)
    helped = yield from well(Command(argv=(*CONFIG, "--help"), looks=True), "cannot ask docker")
    is_swarm = " ".join(CONFIG) in helped.stdout
    compose = yield Command(argv=("docker", "compose", "version"), looks=True)
    if not is_swarm and not compose.is_well:
        yield News("the files are not checked before they are deployed: that takes Docker 25, or its compose plugin")
        return
    for name in _files(asked):
        file = os.path.join(asked.directory, name)
        by_compose = ("docker", "compose", "--file", file, "config", "--quiet")
        argv = (*CONFIG, "--compose-file", file) if is_swarm else by_compose
        yield from well(Command(argv=argv, looks=True), f"{' '.join(argv[:2])} refuses {name}")


def _files(asked: Asked) -> list[str]:
    stores = [swarmed.STORES_FILE] if asked.stack.services else []
    return [*stores, *_release_files(asked), swarmed.FILE]


def _release_files(asked: Asked) -> list[str]:
    return [swarmed.release_file(number) for number, _ in enumerate(swarmed.waves(asked.stack), 1)]


def apply(asked: Asked) -> Steps[None]:
    """A task that fails leaves everything else as it was. Raises Refusal."""
    secrets = yield from secret_names(asked)
    if asked.stack.services:
        yield from _deploy(asked, swarmed.STORES_FILE, secrets)
        yield from settled(asked, asked.stack.services)
    yield from _forget_tasks(asked)
    for file, tasks in zip(_release_files(asked), swarmed.waves(asked.stack), strict=True):
        yield from _deploy(asked, file, secrets)
        for task in tasks:
            yield from _ended(asked, task)
    yield from _deploy(asked, swarmed.FILE, secrets, "--prune")
    yield from settled(asked, [one.name for one in asked.stack.processes if one.kind is Kind.PROCESS])


def _deploy(asked: Asked, name: str, secrets: Mapping[str, str], *words: str) -> Steps[None]:
    file = os.path.join(asked.directory, name)
    argv = ("docker", "stack", "deploy", "--with-registry-auth", *words, "--compose-file", file, asked.stack.name)
    yield from well(Command(argv=argv, environment=secrets), f"cannot deploy {name}")


def _forget_tasks(asked: Asked) -> Steps[None]:
    """Those of a release that failed: as they are there already, they would not run again."""
    argv = ("docker", "stack", "services", "--format", "{{.Name}}", asked.stack.name)
    done = yield Command(argv=argv, looks=True)
    there = set(done.stdout.split())
    tasks = [service(asked, one.name) for one in asked.stack.processes if one.kind is Kind.TASK]
    if old := [name for name in tasks if name in there]:
        yield from well(Command(argv=("docker", "service", "rm", *old)), "cannot take away the tasks of before")


def _ended(asked: Asked, task: Process) -> Steps[None]:
    """Raises Refusal unless it ended well."""
    done = yield Await(
        look=tasks_command(asked, task.name),
        holds=lambda seen: seen.is_well and bool(end_of(seen.stdout)),
        within_seconds=RELEASE_SECONDS,
        what=f"the task {task.name} has ended",
        every_seconds=0.5,
    )
    if done.is_well and end_of(done.stdout) in ("Complete", ""):  # "": nobody was asked, in a dry run
        yield News(f"{task.name}: done")
    else:
        yield from refuse(asked, task.name, f"the task {task.name} failed, the site stays as it was")
