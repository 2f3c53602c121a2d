"""The verbs, by `docker compose`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from procession.engines.base import Asked, Row, Verb
from procession.engines.containers.compose_roll import roll
from procession.engines.containers.composed import ALONE, PROCESSION
from procession.engines.containers.docker import (
    CONTAINER_EVENTS,
    EVENT_FORMAT,
    EVENTS_SINCE,
    compose,
    compose_command,
    containers,
    well,
)
from procession.engines.containers.options import Form
from procession.engines.containers.seen import read_status, rows
from procession.engines.envfiles import COMPOSE_FIX, is_alike_in_compose, refuse_misread
from procession.engines.steps import Await, Command, Steps
from procession.refusal import ExitCode, Refusal
from procession.run import Done

APPLY_SECONDS: Final = 300.0
ON_THE_WAY: Final = ('"Health":"starting"', '"State":"created"', '"State":"restarting"')


def check(asked: Asked) -> Steps[None]:
    """`docker compose config`: paths are looked up from where the files will be, not from where they are now."""
    refuse_misread(asked, asked.options.env_file, is_alike_in_compose, "Compose", COMPOSE_FIX)
    where = os.path.join(asked.stack.directory, asked.options.directory or "deploy/compose")
    argv = compose_command(asked, "config", "--quiet", project_directory=where)
    yield from well(Command(argv=argv, looks=True), "docker compose refuses the file")


def apply(asked: Asked) -> Steps[None]:
    """Build, and start what is new or changed. It waits for tasks and for what others depend on; then for the rest."""
    build = ["--build"] if asked.options.image.build else []
    yield from well(compose(asked, "up", "--detach", "--remove-orphans", *build), "the stack did not come up")
    done = yield Await(
        look=compose(asked, "ps", "--all", "--format", "json", looks=True),
        holds=is_settled,
        within_seconds=APPLY_SECONDS,
        what="all containers are healthy",
        every_seconds=1.0,
    )
    if not done.is_well:
        raise Refusal(
            "not all containers became healthy", "procession status, procession logs", code=ExitCode.TIMED_OUT
        )


def is_settled(done: Done) -> bool:
    """No container is on its way up any more; JSON in lines, as Compose 2.21 and later write it."""
    return done.is_well and not any(word in done.stdout for word in ON_THE_WAY)


def status(asked: Asked) -> Steps[tuple[Row, ...]]:
    seen = yield from containers(asked)
    if asked.options.form is Form.ONE and any(one.service == ALONE and one.status == "running" for one in seen):
        return (yield from _status_inside(asked))
    found = rows(seen, asked.stack, datetime.now(UTC))
    return tuple(row for row in found if not asked.names or row.name in asked.names or row.process in asked.names)


def _status_inside(asked: Asked) -> Steps[tuple[Row, ...]]:
    """The supervisor's own answer. Its exit code says only whether all is well."""
    words = (ALONE, *PROCESSION, "status", *asked.names, "--json")
    done = yield compose(asked, "exec", "-T", *words, looks=True)
    try:
        return read_status(done.stdout)
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(f"the supervisor does not answer: {done.last_words()}", "procession logs") from error


def _start(asked: Asked) -> Steps[None]:
    yield from _each(asked, "start")


def _stop(asked: Asked) -> Steps[None]:
    yield from _each(asked, "stop")


def _restart(asked: Asked) -> Steps[None]:
    yield from _each(asked, "restart")


def _each(asked: Asked, verb: str) -> Steps[None]:
    """Services by `docker compose`, single instances of them by `docker`."""
    services = [name for name in asked.names if "." not in name]
    instances = [name for name in asked.names if "." in name]
    failure = f"cannot {verb} {', '.join(asked.names) or asked.stack.name}"
    if services or not asked.names:
        yield from well(compose(asked, verb, *services), failure)
    if instances:
        names = [container_name(asked, name) for name in instances]
        yield from well(Command(argv=("docker", verb, *names)), failure)


def container_name(asked: Asked, instance: str) -> str:
    """ "web.2" as Compose calls its container."""
    process, _, number = instance.partition(".")
    return f"{asked.stack.name}-{process}-{number}"


def _scale(asked: Asked) -> Steps[None]:
    """Nothing else is touched; what is declared comes back with the next apply."""
    for name, count in asked.replicas.items():
        _refuse_second_singleton(asked, name, count)
        yield from well(
            compose(asked, "up", "--detach", "--no-deps", "--no-recreate", "--scale", f"{name}={count}", name),
            f"cannot scale {name}",
        )


def _refuse_second_singleton(asked: Asked, name: str, count: int) -> None:
    process = asked.stack.process(name)
    if process is not None and process.singleton and count > 1:
        raise Refusal(f"{name} is a singleton: never two at once", "scale it to 1 or 0", code=ExitCode.USAGE)


def _down(asked: Asked) -> Steps[None]:
    """Containers and networks go; volumes, which hold the data, stay."""
    yield from well(compose(asked, "down", "--remove-orphans"), "not everything went down")


def _logs(asked: Asked) -> Steps[None]:
    follow = ["--follow"] if asked.follow else []
    common = ["--timestamps", "--tail", str(asked.lines), *follow]
    services = [name for name in asked.names if "." not in name]
    if services or not asked.names:
        yield compose(asked, "logs", *common, *services, shown=True)
    for name in asked.names:
        process, dot, number = name.partition(".")
        if dot:
            yield compose(asked, "logs", *common, "--index", number, process, shown=True)


def _events(asked: Asked) -> Steps[None]:
    """What the daemon still knows; with `follow`, what happens from now on as well."""
    until = [] if asked.follow else ["--until", "0s"]
    project = f"label=com.docker.compose.project={asked.stack.name}"
    kinds = [word for kind in CONTAINER_EVENTS for word in ("--filter", f"event={kind}")]
    argv = ("docker", "events", "--since", EVENTS_SINCE, *until, "--format", EVENT_FORMAT, "--filter", project, *kinds)
    yield Command(argv=(*argv, *_only(asked.names)), looks=True, shown=True)


def _only(names: Sequence[str]) -> list[str]:
    words = []
    for name in names:
        words += ["--filter", f"label=com.docker.compose.service={name.partition('.')[0]}"]
    return words


def by_form(verb: str, processes: Verb) -> Verb:
    """In the form `one` the supervisor inside does it, with the same words."""

    def perform(asked: Asked) -> Steps[None]:
        if asked.options.form is Form.ONE and verb != "down":
            yield compose(asked, "exec", "-T", ALONE, *PROCESSION, verb, *words_of(verb, asked), shown=True)
        else:
            yield from processes(asked)

    return perform


def words_of(verb: str, asked: Asked) -> list[str]:
    """The same request, in words."""
    words = [f"{name}={count}" for name, count in asked.replicas.items()] if verb == "scale" else list(asked.names)
    if verb == "logs":
        words += ["--lines", str(asked.lines)]
    if asked.follow:
        words += ["--follow"]
    return words


VERBS: Final[Mapping[str, Verb]] = {
    name: by_form(name, verb)
    for name, verb in {
        "start": _start,
        "stop": _stop,
        "restart": _restart,
        "roll": roll,
        "scale": _scale,
        "down": _down,
        "logs": _logs,
        "events": _events,
    }.items()
}
