"""`roll` on Compose, which has none: a new container beside the old ones, ready, then an old one away; next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from procession.engines.base import Asked
from procession.engines.containers.compose_ready import await_ready
from procession.engines.containers.composed import fronted_in, published_in
from procession.engines.containers.docker import compose, containers, well
from procession.engines.containers.seen import Seen
from procession.engines.steps import Command, News, Steps
from procession.refusal import ExitCode, Refusal
from procession.stack.model import Kind, Process

NAMES_SECONDS: Final = 2  # the front asks for the names anew after one


def roll(asked: Asked) -> Steps[None]:
    """Each process named, or all. Raises Refusal when a new one does not become ready: the old ones go on serving."""
    for process in _wanted(asked):
        yield from roll_process(asked, process)


def roll_process(asked: Asked, process: Process) -> Steps[None]:
    if can_be_two(asked, process):
        yield from _roll(asked, process)
    else:
        yield from _replace(asked, process)


def can_be_two(asked: Asked, process: Process) -> bool:
    """Whether a new one may run beside the old ones."""
    return not process.singleton and process.kind is Kind.PROCESS and not published_in(asked, process)


def _wanted(asked: Asked) -> list[Process]:
    names = {name.partition(".")[0] for name in asked.names}
    found = [one for one in asked.stack.processes if (one.name in names if names else one.kind is Kind.PROCESS)]
    for process in found:
        if published_in(asked, process):
            what = f"{process.name} holds a port of the host, which two containers cannot have at once"
            fix = 'put a server in front of it ("FRONT"), or use the form ONE; with a gap: procession restart'
            raise Refusal(what, fix, code=ExitCode.USAGE)
    return found


def _replace(asked: Asked, process: Process) -> Steps[None]:
    """Never two at once: the old one ends before the new one starts."""
    argv = ("up", "--detach", "--no-deps", "--force-recreate", process.name)
    yield from well(compose(asked, *argv), f"cannot renew {process.name}")
    yield from await_ready(asked, (yield from _of(asked, process)))
    yield News(f"{process.name}: renewed, with a gap, because it may never be there twice")


def _roll(asked: Asked, process: Process) -> Steps[None]:
    whole = not asked.names or process.name in asked.names
    there = yield from _of(asked, process)
    old = [one for one in there if whole or one.name in asked.names]
    if not old:
        yield News(f"{process.name}: none is there")
    for leaving in old:
        new = yield from _add(asked, process)
        try:
            yield from await_ready(asked, new)
        except Refusal as refusal:
            yield from _take_away(new)
            what = f"the new {process.name} did not become ready; the old ones go on"
            raise Refusal(what, "its last lines are above", code=refusal.code) from refusal
        if fronted_in(asked) == process:
            yield Command(argv=("sleep", str(NAMES_SECONDS)))
        yield from _take_away([leaving])
        yield News(f"{', '.join(one.container for one in new)}: ready in the place of {leaving.container}")


def _add(asked: Asked, process: Process) -> Steps[list[Seen]]:
    """One more, of what is declared and of the image that is there now."""
    before = {one.id for one in (yield from _of(asked, process))}
    count = len(before) + 1
    words = ("up", "--detach", "--no-deps", "--no-recreate", "--scale", f"{process.name}={count}", process.name)
    yield from well(compose(asked, *words), f"cannot start another {process.name}")
    return [one for one in (yield from _of(asked, process)) if one.id not in before]


def _of(asked: Asked, process: Process) -> Steps[list[Seen]]:
    return [one for one in (yield from containers(asked)) if one.service == process.name]


def _take_away(seen: Sequence[Seen]) -> Steps[None]:
    """Each gets the time that its stop takes."""
    for one in seen:
        yield from well(Command(argv=("docker", "stop", one.container)), f"cannot stop {one.container}")
        yield from well(Command(argv=("docker", "rm", one.container)), f"cannot remove {one.container}")
