"""The verbs, by `docker stack` and `docker service`. Names of Swarm: the service of `web` is STACK_web."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

from procession.engines.base import Asked, Row, Verb
from procession.engines.containers import swarmed
from procession.engines.containers.docker import CONTAINER_EVENTS, EVENT_FORMAT, EVENTS_SINCE, well
from procession.engines.containers.tasks_seen import job_state, read_tasks, rows
from procession.engines.envfiles import DOCKER_FIX, is_alike_in_docker, refuse_misread
from procession.engines.steps import Await, Command, News, Steps
from procession.refusal import ExitCode, Refusal
from procession.run import Done
from procession.stack.model import Kind, Process

RELEASE_SECONDS: Final = 3600.0  # A migration may take long; what runs goes on.
CONVERGE_SECONDS: Final = 600.0
GONE_SECONDS: Final = 300.0
EVENTS: Final = (*CONTAINER_EVENTS, "create", "update", "remove")
TASKS_FORMAT: Final = "{{json .}}"


def check(asked: Asked) -> Steps[None]:
    """`docker stack config` reads each file as `docker stack deploy` does, and asks no daemon."""
    refuse_misread(asked, asked.options.env_file, is_alike_in_docker, "`docker stack deploy`", DOCKER_FIX)
    for name in _files(asked):
        argv = ("docker", "stack", "config", "--compose-file", os.path.join(asked.directory, name))
        yield from well(Command(argv=argv, looks=True), f"docker stack refuses {name}")


def _files(asked: Asked) -> list[str]:
    stores = [swarmed.STORES_FILE] if asked.stack.services else []
    return [*stores, *_release_files(asked), swarmed.FILE]


def _release_files(asked: Asked) -> list[str]:
    return [swarmed.release_file(number) for number, _ in enumerate(swarmed.waves(asked.stack), 1)]


def apply(asked: Asked) -> Steps[None]:
    """The stores, the tasks wave by wave, then the rest. A task that fails leaves everything else as it was."""
    if asked.stack.services:
        yield from _deploy(asked, swarmed.STORES_FILE)
        yield from _converged(asked, "the stores")
    for name, tasks in zip(_release_files(asked), swarmed.waves(asked.stack), strict=True):
        yield from _deploy(asked, name)
        for task in tasks:
            yield from _ended(asked, task)
    yield from _deploy(asked, swarmed.FILE, "--prune")
    yield from _converged(asked, "the site")


def _deploy(asked: Asked, name: str, *words: str) -> Steps[None]:
    file = os.path.join(asked.directory, name)
    argv = ("docker", "stack", "deploy", "--with-registry-auth", *words, "--compose-file", file, asked.stack.name)
    yield from well(Command(argv=argv), f"cannot deploy {name}")


def _ended(asked: Asked, task: Process) -> Steps[None]:
    """Raises Refusal unless it ended well."""
    argv = ("docker", "service", "ps", "--no-trunc", "--format", TASKS_FORMAT, service(asked, task.name))
    done = yield Await(
        look=Command(argv=argv, looks=True),
        holds=lambda seen: seen.is_well and job_state(seen.stdout) in ("Complete", "Failed", "Rejected"),
        within_seconds=RELEASE_SECONDS,
        what=f"the task {task.name} has ended",
        every_seconds=1.0,
    )
    if done.is_well and (not done.stdout or job_state(done.stdout) == "Complete"):
        yield News(f"{task.name}: done")
        return
    raise Refusal(f"the task {task.name} failed: the site stays as it was", f"procession logs {task.name}")


def _converged(asked: Asked, what: str) -> Steps[None]:
    """Every service has the instances that it wants. Raises Refusal if it takes too long."""
    argv = ("docker", "stack", "services", "--format", "{{.Name}} {{.Replicas}}", asked.stack.name)
    done = yield Await(
        look=Command(argv=argv, looks=True),
        holds=is_converged,
        within_seconds=CONVERGE_SECONDS,
        what=f"all instances of {what} are there",
        every_seconds=1.0,
    )
    if not done.is_well:
        raise Refusal(f"{what} is not complete: {done.last_words()}", "procession status", code=ExitCode.TIMED_OUT)


def is_converged(done: Done) -> bool:
    """Lines such as `site_web 2/2`; jobs (`0/1 (1/1 completed)`) have been waited for."""
    return done.is_well and all(_is_whole(line) for line in done.stdout.splitlines())


def _is_whole(line: str) -> bool:
    there, _, wanted = line.split()[1].partition("/")
    return there == wanted or "completed" in line


def service(asked: Asked, name: str) -> str:
    return f"{asked.stack.name}_{name}"


def status(asked: Asked) -> Steps[tuple[Row, ...]]:
    argv = ("docker", "stack", "ps", "--no-trunc", "--format", TASKS_FORMAT, asked.stack.name)
    done = yield Command(argv=argv, looks=True)
    found = rows(read_tasks(done.stdout if done.is_well else ""), asked.stack)
    return tuple(row for row in found if not asked.names or row.name in asked.names or row.process in asked.names)


def _names(asked: Asked, verb: str) -> list[str]:
    """The processes meant. Raises Refusal for an instance: Swarm would start another in its place."""
    for name in asked.names:
        if "." in name:
            process = name.partition(".")[0]
            what = f"Swarm cannot {verb} {name} alone"
            raise Refusal(what, f"procession {verb} {process}", code=ExitCode.USAGE)
    return list(asked.names) or [one.name for one in asked.stack.processes if one.kind is Kind.PROCESS]


def _renew(verb: str) -> Verb:
    """Swarm's own rolling update, in the order of `update_config`; it goes back by itself when a new one fails."""

    def perform(asked: Asked) -> Steps[None]:
        for name in _names(asked, verb):
            argv = ("docker", "service", "update", "--force", "--detach=false", "--quiet", service(asked, name))
            yield from well(Command(argv=argv), f"cannot {verb} {name}")
            yield from _not_rolled_back(asked, name)

    return perform


def _not_rolled_back(asked: Asked, name: str) -> Steps[None]:
    form = "{{if .UpdateStatus}}{{.UpdateStatus.State}}: {{.UpdateStatus.Message}}{{end}}"
    argv = ("docker", "service", "inspect", "--format", form, service(asked, name))
    done = yield from well(Command(argv=argv, looks=True), f"cannot look at {name}")
    if done.stdout.startswith(("rollback", "paused")):
        raise Refusal(f"the new {name} did not become ready: {done.stdout.strip()}", f"procession logs {name}")


def _scaled(asked: Asked, counts: Mapping[str, int]) -> Steps[None]:
    words = [f"{service(asked, name)}={count}" for name, count in counts.items()]
    if words:
        yield from well(Command(argv=("docker", "service", "scale", "--detach=false", *words)), "cannot scale")


def _scale(asked: Asked) -> Steps[None]:
    for name, count in asked.replicas.items():
        process = asked.stack.process(name)
        if process is not None and process.singleton and count > 1:
            raise Refusal(f"{name} is a singleton: never two at once", "scale it to 1 or 0", code=ExitCode.USAGE)
    yield from _scaled(asked, asked.replicas)


def _stop(asked: Asked) -> Steps[None]:
    """Swarm has no stop: no instances are wanted."""
    yield from _scaled(asked, dict.fromkeys(_names(asked, "stop"), 0))


def _start(asked: Asked) -> Steps[None]:
    wanted = {process.name: process.replicas for process in asked.stack.processes}
    yield from _scaled(asked, {name: wanted[name] for name in _names(asked, "start")})


def _down(asked: Asked) -> Steps[None]:
    """Services and networks go; volumes, which hold the data, stay."""
    yield from well(Command(argv=("docker", "stack", "rm", asked.stack.name)), "not everything went down")
    label = f"label=com.docker.stack.namespace={asked.stack.name}"
    argv = ("docker", "ps", "--all", "--quiet", "--filter", label)
    done = yield Await(
        look=Command(argv=argv, looks=True),
        holds=lambda seen: seen.is_well and not seen.stdout.strip(),
        within_seconds=GONE_SECONDS,
        what="no container is left on this node",
    )
    if not done.is_well:
        raise Refusal(f"containers are left: {' '.join(done.stdout.split())}", "docker ps", code=ExitCode.TIMED_OUT)


def _logs(asked: Asked) -> Steps[None]:
    names = _names(asked, "show the logs of")
    if asked.follow and len(names) > 1:
        what = "Swarm can follow the logs of one service at a time"
        raise Refusal(what, f"procession logs --follow {names[0]}", code=ExitCode.USAGE)
    for name in names:
        follow = ("--follow",) if asked.follow else ()
        argv = ("docker", "service", "logs", "--timestamps", "--tail", str(asked.lines), *follow, service(asked, name))
        yield Command(argv=argv, looks=True, shown=True)


def _events(asked: Asked) -> Steps[None]:
    """Of the services, as every manager knows them, and of this node's containers."""
    until = () if asked.follow else ("--until", "0s")
    label = f"label=com.docker.stack.namespace={asked.stack.name}"
    kinds = [word for kind in EVENTS for word in ("--filter", f"event={kind}")]
    argv = ("docker", "events", "--since", EVENTS_SINCE, *until, "--format", EVENT_FORMAT, "--filter", label, *kinds)
    yield Command(argv=argv, looks=True, shown=True)


VERBS: Final[Mapping[str, Callable[[Asked], Steps[None]]]] = {
    "start": _start,
    "stop": _stop,
    "restart": _renew("restart"),
    "roll": _renew("roll"),
    "scale": _scale,
    "down": _down,
    "logs": _logs,
    "events": _events,
}
