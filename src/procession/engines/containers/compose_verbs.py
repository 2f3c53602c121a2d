"""The verbs, by `docker compose`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from procession.engines.base import Asked, Row, Verb
from procession.engines.containers import said
from procession.engines.containers.compose_ready import await_ready, run_task
from procession.engines.containers.compose_roll import roll
from procession.engines.containers.composed import ALONE, PROCESSION, published_in
from procession.engines.containers.docker import (
    CONTAINER_EVENTS,
    EVENTS_SINCE,
    compose,
    compose_command,
    compose_there,
    containers,
    well,
)
from procession.engines.containers.options import Form
from procession.engines.containers.seen import Seen, read_status, rows
from procession.engines.envfiles import COMPOSE_FIX, is_alike_in_compose, refuse_misread
from procession.engines.steps import Command, Show, Steps
from procession.recorder.reading.records import Record
from procession.refusal import ExitCode, Refusal
from procession.stack.model import Kind


def check(asked: Asked) -> Steps[None]:
    """`docker compose config`: paths are looked up from where the files will be, not from where they are now."""
    refuse_misread(asked, asked.options.env_file, is_alike_in_compose, "Compose", COMPOSE_FIX)
    where = os.path.join(asked.stack.directory, asked.options.directory or "deploy/compose")
    argv = compose_command(asked, "config", "--quiet", project_directory=where)
    yield from well(Command(argv=argv, looks=True), "docker compose refuses the file")


def status(asked: Asked) -> Steps[tuple[Row, ...]]:
    seen = yield from containers(asked)
    if asked.options.form is Form.ONE and any(one.service == ALONE and one.status == "running" for one in seen):
        return (yield from _status_inside(asked))
    found = rows(seen, asked.stack, datetime.now(UTC))
    return tuple(row for row in found if not asked.names or row.name in asked.names or row.process in asked.names)


def _status_inside(asked: Asked) -> Steps[tuple[Row, ...]]:
    """The supervisor's own answer. Its exit code says only whether all is well."""
    words = (ALONE, *PROCESSION, "status", *asked.names, "--json")
    done = yield replace(compose_there(asked, "exec", "-T", *words), looks=True)
    try:
        return read_status(done.stdout)
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(f"the supervisor does not answer: {done.last_words()}", "procession logs") from error


def _start(asked: Asked) -> Steps[None]:
    """Not by Compose where processes are named: it would run the tasks that they depend on, again."""
    if not asked.names:
        yield from well(compose_there(asked, "start"), f"cannot start {asked.stack.name}")
        yield from _await(asked, (yield from chosen(asked)))
        return
    for name in asked.names:
        if not (yield from chosen(replace(asked, names=(name,)))):
            up = ("up", "--detach", "--no-deps", "--no-recreate", name.partition(".")[0])
            yield from well(compose(asked, *up), f"cannot start {name}")
    seen = yield from chosen(asked)
    yield from _do("start", [one for one in seen if not one.is_up])
    yield from _await(asked, seen)


def _stop(asked: Asked) -> Steps[None]:
    if asked.names:
        yield from _do("stop", (yield from chosen(asked)))
    else:
        yield from well(compose_there(asked, "stop"), f"cannot stop {asked.stack.name}")


def _restart(asked: Asked) -> Steps[None]:
    """In start order. A task is run again only if it is named; the stores and the front never."""
    seen = yield from chosen(asked)
    yield from _do("restart", seen)
    yield from _await(asked, seen)


def chosen(asked: Asked) -> Steps[list[Seen]]:
    """The containers of what was named, else of all processes, in start order. Raises Refusal for one not there."""
    there = yield from containers(asked)
    if not asked.names:
        names = [process.name for process in asked.stack.processes if process.kind is Kind.PROCESS]
        return [one for name in names for one in there if one.service == name]
    _refuse_missing(asked, there)
    return [one for one in there if one.name in asked.names or one.service in asked.names]


def _refuse_missing(asked: Asked, there: Sequence[Seen]) -> None:
    for name in asked.names:
        if "." in name and there and name not in {one.name for one in there}:
            raise Refusal(f"there is no {name}", "see: procession status", code=ExitCode.USAGE)


def _do(verb: str, seen: Sequence[Seen]) -> Steps[None]:
    if seen:
        names = [one.container for one in seen]
        yield from well(Command(argv=("docker", verb, *names)), f"cannot {verb} {', '.join(names)}")


def _await(asked: Asked, seen: Sequence[Seen]) -> Steps[None]:
    for process in asked.stack.processes:
        mine = [one for one in seen if one.service == process.name]
        yield from (run_task if process.kind is Kind.TASK else await_ready)(asked, mine)


def _scale(asked: Asked) -> Steps[None]:
    """Nothing else is touched; what is declared comes back with the next apply."""
    for name, count in asked.replicas.items():
        _refuse_more(asked, name, count)
    for name, count in asked.replicas.items():
        yield from well(
            compose(asked, "up", "--detach", "--no-deps", "--no-recreate", "--scale", f"{name}={count}", name),
            f"cannot scale {name}",
        )
        there = yield from containers(asked)
        yield from await_ready(asked, [one for one in there if one.service == name])


def _refuse_more(asked: Asked, name: str, count: int) -> None:
    process = asked.stack.process(name)
    if process is None or count <= 1:
        return
    if process.singleton:
        raise Refusal(f"{name} is a singleton: never two at once", "scale it to 1 or 0", code=ExitCode.USAGE)
    if process.kind is Kind.TASK:
        raise Refusal(f"{name} is a task: it runs once", f"procession start {name}", code=ExitCode.USAGE)
    if ports := published_in(asked, process):
        what = f"{name} holds {ports[0]} of the host, which two containers cannot have at once"
        raise Refusal(what, 'put a server in front of it: "FRONT": {"SERVER": "nginx"}', code=ExitCode.USAGE)


def _down(asked: Asked) -> Steps[None]:
    """Containers and networks go; volumes, which hold the data, stay."""
    yield from well(compose_there(asked, "down", "--remove-orphans"), "not everything went down")


def _logs(asked: Asked) -> Steps[None]:
    there = yield from containers(asked)
    _refuse_missing(asked, there)
    names = {f"{one.service}-{one.number}": one.name for one in there}

    def read(lines: Iterable[str]) -> Iterable[Record]:
        records = said.logged(lines, said.COMPOSE, lambda who: names.get(who) or ".".join(who.rsplit("-", 1)))
        return said.wanted((one for one in records if said.is_of(one, asked.names)), asked)

    services = dict.fromkeys(name.partition(".")[0] for name in asked.names)
    yield from said.show(compose_there(asked, *_log_words(asked), *services), read)


def _log_words(asked: Asked) -> Iterator[str]:
    yield from ("logs", "--timestamps", "--no-color", "--tail", said.tail(asked))
    if asked.since:
        yield from ("--since", asked.since.isoformat())
    if asked.until:
        yield from ("--until", asked.until.isoformat())
    if asked.follow:
        yield "--follow"


def _events(asked: Asked) -> Steps[None]:
    """What the daemon still knows; with `follow`, what happens from now on as well."""
    there = yield from containers(asked)
    names = {one.container: one.name for one in there}
    since = asked.since.isoformat() if asked.since else EVENTS_SINCE
    until = [] if asked.follow else ["--until", "0s"]
    project = f"label=com.docker.compose.project={asked.stack.name}"
    kinds = [word for kind in CONTAINER_EVENTS for word in ("--filter", f"event={kind}")]
    argv = ("docker", "events", "--since", since, *until, "--format", said.EVENT_FORMAT, "--filter", project, *kinds)
    command = Command(argv=(*argv, *_only(asked.names)), looks=True)
    yield from said.show(
        command, lambda lines: said.wanted(said.happened(lines, lambda who: names.get(who, who)), asked)
    )


def _only(names: Sequence[str]) -> list[str]:
    words = []
    for name in names:
        words += ["--filter", f"label=com.docker.compose.service={name.partition('.')[0]}"]
    return words


def by_form(verb: str, processes: Verb) -> Verb:
    """In the form `one` the supervisor inside does it, with the same words, and says itself what went wrong."""

    def perform(asked: Asked) -> Steps[None]:
        if asked.options.form is not Form.ONE or verb == "down":
            yield from processes(asked)
            return
        command = compose_there(asked, "exec", "-T", ALONE, *PROCESSION, verb, *words_of(verb, asked))
        done = yield Show(command=command, read=_inner) if verb == "logs" else replace(command, shown=True)
        if not done.is_well:
            code = ExitCode(done.status) if done.status in list(ExitCode) else ExitCode.REFUSED
            said_there = f": {done.last_words()}" if done.stderr else ""
            raise Refusal(f"`{verb}` was refused in the container{said_there}", "procession status", code=code)

    return perform


def _inner(lines: Iterable[str]) -> Iterator[Record]:
    """Of its `logs --json`."""
    return (Record(**json.loads(line)) for line in lines)


def words_of(verb: str, asked: Asked) -> list[str]:
    """The same request, in words."""
    words = [f"{name}={count}" for name, count in asked.replicas.items()] if verb == "scale" else list(asked.names)
    if verb in ("logs", "events"):
        words += ["--lines", "all" if asked.lines is None else str(asked.lines)]
        words += ["--since", asked.since.isoformat()] if asked.since else []
        words += ["--until", asked.until.isoformat()] if asked.until else []
        words += ["--grep", asked.grep] if asked.grep else []
        words += ["--json"] if asked.json or verb == "logs" else []
    return [*words, "--follow"] if asked.follow else words


TAKES: Final[Mapping[str, frozenset[str]]] = {
    "logs": frozenset({"since", "until", "grep", "json", "no_times"}),
    "events": frozenset({"since", "json"}),
}
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
