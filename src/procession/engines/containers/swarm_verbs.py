"""The verbs, by `docker stack` and `docker service`. Names of Swarm: the service of `web` is STACK_web."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from procession.engines.base import Asked, Row, Verb
from procession.engines.containers import said
from procession.engines.containers.docker import CONTAINER_EVENTS, EVENTS_SINCE, well
from procession.engines.containers.service import image_of
from procession.engines.containers.swarm_updates import TASKS_FORMAT, not_taken_back, service
from procession.engines.containers.tasks_seen import ENDED, Task, process_of, read_tasks, rows
from procession.engines.steps import Await, Command, Steps
from procession.refusal import ExitCode, Refusal
from procession.run import Done
from procession.stack.model import Kind

GONE_SECONDS: Final = 300.0
SERVICE_EVENTS: Final = ("create", "update", "remove")
INSTANCES_FORMAT: Final = "{{.CurrentState}} · {{.Name}} · node {{.Node}} {{.Error}}"
CONTAINER_FORMAT: Final = "{{.ID}} {{with .Status.ContainerStatus}}{{.ContainerID}}{{end}}"
NAMESPACE: Final = "com.docker.stack.namespace"


def status(asked: Asked) -> Steps[tuple[Row, ...]]:
    tasks = yield from _tasks(asked)
    found = rows(tasks, asked.stack)
    return tuple(row for row in found if not asked.names or row.name in asked.names or row.process in asked.names)


def _tasks(asked: Asked) -> Steps[list[Task]]:
    """Those of the whole stack, on all nodes; none if Swarm knows no such stack. Raises Refusal."""
    argv = ("docker", "stack", "ps", "--no-trunc", "--format", TASKS_FORMAT, asked.stack.name)
    done = yield Command(argv=argv, looks=True)
    if not done.is_well and not _is_unknown(done):
        raise Refusal(f"cannot ask Swarm: {done.last_words()}", "ask on a manager: docker node ls")
    return read_tasks(done.stdout if done.is_well else "")


def _is_unknown(done: Done) -> bool:
    return "nothing found in stack" in done.stderr.lower()


def _names(asked: Asked, verb: str) -> list[str]:
    """The processes meant. Raises Refusal for an instance: Swarm would start another in its place; and for a task,
    which is no service any more once the release is over.
    """
    for name in asked.names:
        process = asked.stack.process(name)
        if process is not None and process.kind is Kind.TASK:
            raise Refusal(f"{name} is a task: Swarm runs it with each release", "procession apply", code=ExitCode.USAGE)
        if "." in name:
            what = f"Swarm cannot {verb} {name} alone"
            raise Refusal(what, f"procession {verb} {process_of(name)}", code=ExitCode.USAGE)
    return list(asked.names) or _staying(asked)


def _staying(asked: Asked) -> list[str]:
    return [one.name for one in asked.stack.processes if one.kind is Kind.PROCESS]


def _renew(verb: str) -> Verb:
    """Swarm's own update, in the order of `update_config`; it goes back by itself when a new one fails.

    The image is said again, so that its name is looked up in the registry: the code that it names now is what starts,
    and a rollback goes to what ran before.
    """

    def perform(asked: Asked) -> Steps[None]:
        image = image_of(asked.stack, asked.options)
        words = ("--force", "--with-registry-auth", "--image", image, "--detach=false", "--quiet")
        for name in _names(asked, verb):
            done = yield Command(argv=("docker", "service", "update", *words, service(asked, name)))
            yield from not_taken_back(asked, [name])
            if not done.is_well:
                raise Refusal(f"cannot {verb} {name}: {done.last_words()}", f"procession status {name}")

    return perform


def _scaled(asked: Asked, counts: Mapping[str, int]) -> Steps[None]:
    """Ends when those that are wanted are there, and those that are not have ended."""
    words = [f"{service(asked, name)}={count}" for name, count in counts.items()]
    if words:
        yield from well(Command(argv=("docker", "service", "scale", "--detach=false", *words)), "cannot scale")
        argv = ("docker", "stack", "ps", "--format", TASKS_FORMAT, *_only(asked, counts), asked.stack.name)
        yield from _gone(argv, has_ended, "those that are not wanted have ended")


def _scale(asked: Asked) -> Steps[None]:
    names = _names(replace(asked, names=tuple(asked.replicas)), "scale")
    for name in names:
        process = asked.stack.process(name)
        if process is not None and process.singleton and asked.replicas[name] > 1:
            raise Refusal(f"{name} is a singleton: never two at once", "scale it to 1 or 0", code=ExitCode.USAGE)
    yield from _scaled(asked, asked.replicas)


def _stop(asked: Asked) -> Steps[None]:
    """Swarm has no stop: no instances are wanted."""
    yield from _scaled(asked, dict.fromkeys(_names(asked, "stop"), 0))


def _only(asked: Asked, names: Iterable[str]) -> list[str]:
    """The filter of `docker stack ps` for the instances of these."""
    return [word for name in names for word in ("--filter", f"name={service(asked, process_of(name))}.")]


def _start(asked: Asked) -> Steps[None]:
    """As many as were wanted before they were stopped; one of what was scaled to none."""
    wanted = {process.name: max(1, process.replicas) for process in asked.stack.processes}
    yield from _scaled(asked, {name: wanted[name] for name in _names(asked, "start")})


def _down(asked: Asked) -> Steps[None]:
    """Services, networks, configs and secrets go; volumes, which hold the data, stay."""
    yield from well(Command(argv=("docker", "stack", "rm", asked.stack.name)), "not everything went down")
    yield from _gone(("docker", "stack", "ps", "--quiet", asked.stack.name), _is_silent, "all instances have ended")
    label = f"label={NAMESPACE}={asked.stack.name}"
    argv = ("docker", "ps", "--all", "--quiet", "--filter", label)
    yield from _gone(argv, _is_silent, "no container is left on this node")


def _gone(argv: tuple[str, ...], is_gone: Callable[[Done], bool], what: str) -> Steps[None]:
    """Raises Refusal if some of it is still there after GONE_SECONDS: on a node that does not answer."""
    done = yield Await(look=Command(argv=argv, looks=True), holds=is_gone, within_seconds=GONE_SECONDS, what=what)
    if not done.is_well:
        what = f"waited for {GONE_SECONDS:g} s until {what}; left: {' '.join(done.stdout.split())}"
        raise Refusal(what, "docker node ls; docker inspect", code=ExitCode.TIMED_OUT)


def _is_silent(done: Done) -> bool:
    return _is_unknown(done) or (done.is_well and not done.stdout.strip())


def has_ended(done: Done) -> bool:
    """Of tasks, as JSON: whether all that are not wanted are no more."""
    tasks = read_tasks(done.stdout) if done.is_well else []
    return _is_unknown(done) or (done.is_well and all(task.is_wanted or task.word in ENDED for task in tasks))


def _logs(asked: Asked) -> Steps[None]:
    names = list(asked.names) or _staying(asked)
    if asked.follow and len(names) > 1:
        what = "Swarm can follow the logs of one service at a time"
        raise Refusal(what, f"procession logs --follow {names[0]}", code=ExitCode.USAGE)
    for name in names:
        for of in [service(asked, name)] if asked.follow and "." not in name else (yield from _lives(asked, name)):
            argv = ("docker", "service", "logs", "--timestamps", *_span(asked), of)
            yield from said.show(
                Command(argv=argv, looks=True, joined=True),
                lambda lines: said.wanted(said.logged(lines, said.SWARM, lambda who: _instance(asked, who)), asked),
            )


def _instance(asked: Asked, task: str) -> str:
    """web.1 of site_web.1.ID@NODE, or of site_web.1.ID; web of the service site_web."""
    return ".".join(task.removeprefix(service(asked, "")).split(".")[:2])


def _lives(asked: Asked, name: str) -> Steps[list[str]]:
    """The tasks of an instance, or of a process, that had a container, the oldest first.

    Asked for the logs of a whole service, Docker (20.10) waits for ever for a task that ended before it had one.
    """
    tasks = [task for task in (yield from _tasks(asked)) if _is_of(asked, task, name)]
    if not tasks:
        raise Refusal(f"there is no {name}", "procession status")
    argv = ("docker", "inspect", "--type", "task", "--format", CONTAINER_FORMAT, *(task.id for task in tasks))
    done = yield from well(Command(argv=argv, looks=True), f"cannot ask for the tasks of {name}")
    words = [line.split() for line in done.stdout.splitlines()]
    return [line[0] for line in reversed(words) if len(line) > 1]


def _is_of(asked: Asked, task: Task, name: str) -> bool:
    whole = service(asked, name)
    return task.name == whole if "." in name else task.name.startswith(f"{whole}.")


def _span(asked: Asked) -> tuple[str, ...]:
    since = ("--since", asked.since.isoformat()) if asked.since else ()
    return ("--tail", said.tail(asked), *since, *(("--follow",) if asked.follow else ()))


def _events(asked: Asked) -> Steps[None]:
    """First what became of each instance, on all nodes, as far back as Swarm remembers (five for each). Then what was
    asked of the services, and what happened to the containers of this node: the last 256 events that it has had.
    """
    names = list(asked.names) or _staying(asked)
    if not asked.follow:
        where = (*_only(asked, names), asked.stack.name)
        argv = ("docker", "stack", "ps", "--no-trunc", "--format", INSTANCES_FORMAT, *where)
        yield Command(argv=argv, looks=True, shown=True)
        yield from _daemon_events(
            asked, SERVICE_EVENTS, [f"service={service(asked, process_of(name))}" for name in names]
        )
    labels = [f"com.docker.swarm.service.name={service(asked, process_of(name))}" for name in asked.names]
    wanted = [f"label={label}" for label in labels or [f"{NAMESPACE}={asked.stack.name}"]]
    yield from _daemon_events(asked, CONTAINER_EVENTS, wanted)


def _daemon_events(asked: Asked, kinds: tuple[str, ...], wanted: list[str]) -> Steps[None]:
    since = asked.since.isoformat() if asked.since else EVENTS_SINCE
    until = () if asked.follow else ("--until", "0s")
    filters = [word for one in (*wanted, *(f"event={kind}" for kind in kinds)) for word in ("--filter", one)]
    argv = ("docker", "events", "--since", since, *until, "--format", said.EVENT_FORMAT, *filters)
    yield from said.show(
        Command(argv=argv, looks=True), lambda lines: said.happened(lines, lambda who: _instance(asked, who))
    )


VERBS: Final[Mapping[str, Verb]] = {
    "start": _start,
    "stop": _stop,
    "restart": _renew("restart"),
    "roll": _renew("roll"),
    "scale": _scale,
    "down": _down,
    "logs": _logs,
    "events": _events,
}
TAKES: Final = {"logs": frozenset({"since", "grep", "json", "no_times"}), "events": frozenset({"since"})}
