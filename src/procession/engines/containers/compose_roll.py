"""`roll` on Compose, which has none: a new container beside the old ones, ready, then an old one away; next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from procession.engines.base import Asked
from procession.engines.containers.composed import published_in
from procession.engines.containers.docker import compose, containers, well
from procession.engines.containers.seen import Seen
from procession.engines.steps import Await, Command, News, Steps
from procession.refusal import ExitCode, Refusal
from procession.run import Done
from procession.stack.model import Kind, Process

MARGIN_SECONDS: Final = 30.0


def roll(asked: Asked) -> Steps[None]:
    """Each process named, or all. Raises Refusal when a new one does not become ready: the old ones go on serving."""
    for process in _wanted(asked):
        if process.singleton or process.kind is Kind.TASK:
            yield from _replace(asked, process)
        else:
            yield from _roll(asked, process)


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
    yield News(f"{process.name}: renewed, with a gap, because it may never be there twice")


def _roll(asked: Asked, process: Process) -> Steps[None]:
    old = [one for one in (yield from containers(asked)) if one.service == process.name and one.status == "running"]
    for leaving in old:
        before = {one.id for one in (yield from containers(asked)) if one.service == process.name}
        yield from _scale(asked, process, len(before) + 1)
        new = [one for one in (yield from containers(asked)) if one.service == process.name and one.id not in before]
        yield from _await(process, new)
        yield from well(Command(argv=("docker", "stop", leaving.id)), f"cannot stop {leaving.name}")
        yield from well(Command(argv=("docker", "rm", leaving.id)), f"cannot remove {leaving.name}")
        yield News(f"{', '.join(one.name for one in new)}: ready in the place of {leaving.name}")


def _scale(asked: Asked, process: Process, count: int) -> Steps[None]:
    words = ("up", "--detach", "--no-deps", "--no-recreate", "--scale", f"{process.name}={count}", process.name)
    yield from well(compose(asked, *words), f"cannot start another {process.name}")


def _await(process: Process, new: Sequence[Seen]) -> Steps[None]:
    ids = tuple(one.id for one in new)
    if not ids:
        return  # A dry run starts none.
    done = yield Await(
        look=Command(argv=("docker", "inspect", *ids), looks=True),
        holds=is_decided,
        within_seconds=(process.startup or process.readiness).within_seconds + MARGIN_SECONDS,
        what=f"the new {process.name} is ready",
    )
    if done.is_well and is_ready(done):
        return
    yield from well(Command(argv=("docker", "rm", "--force", *ids)), "cannot remove the new one")
    raise Refusal(f"the new {process.name} did not become ready; the old ones go on", f"procession logs {process.name}")


def is_decided(done: Done) -> bool:
    """Nothing is still starting."""
    return done.is_well and all(_word(one) not in ("starting", "created") for one in json.loads(done.stdout))


def is_ready(done: Done) -> bool:
    return all(_word(one) in ("healthy", "running") for one in json.loads(done.stdout))


def _word(inspected: dict[str, dict[str, dict[str, str]]]) -> str:
    """Its health if it has a check and runs, else its state."""
    state = inspected["State"]
    status = str(state["Status"])
    return str((state.get("Health") or {}).get("Status", status)) if status == "running" else status
