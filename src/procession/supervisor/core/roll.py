"""Rolling: a new life of an instance becomes ready beside the old one, which then drains and is forgotten.

While it lasts there are two instances of a name: the new one in the old one's place, and the old one as `outgoing`.
Both have the process's listeners, so no connection is refused. A new one that dies, or is not ready in time, is swept
away, the old one gets its place back, and the roll ends there with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from procession.stack.model import Kind, ProbeType, Process
from procession.supervisor.core import actions as do
from procession.supervisor.core.instance import Happening, Instance, Phase, outgoing_key
from procession.supervisor.core.turn import Turn


def can_roll(process: Process) -> bool:
    """Two of it may be there at once, on the same listeners."""
    takes_listeners = bool(process.handoff) or not process.listeners
    may_be_two = process.kind is Kind.PROCESS and process.max_surge > 0 and not process.singleton
    return may_be_two and takes_listeners and is_known_alone(process)


def is_known_alone(process: Process) -> bool:
    """Whether its readiness is its own. An address that it shares with the old one would be answered by the old one."""
    shared = {"", *(listener.bind for listener in process.listeners)} if process.listeners else set()
    asks_shared = process.readiness.type in (ProbeType.HTTP, ProbeType.TCP) and process.readiness.address in shared
    return process.tells_ready or not asks_shared


def is_rolling(turn: Turn, instance: Instance) -> bool:
    """Its turn is still to come, or there is an old life of it beside it."""
    return instance.roll or outgoing_of(turn, instance) is not None


def outgoing_of(turn: Turn, instance: Instance) -> Instance | None:
    """The old life that serves, or drains, while `instance` takes its place."""
    return None if instance.outgoing else turn.instances.get(outgoing_key(instance.name))


def begin(turn: Turn, instance: Instance) -> None:
    """Make room for a successor, and want it."""
    turn.instances.pop(instance.key)
    turn.put(replace(instance, outgoing=True, roll=False, again=False))
    successor = Instance(
        name=instance.name,
        number=instance.number,
        process=instance.process,
        running=instance.process,
        since=turn.now,
        wanted=True,
        restarts=instance.restarts + 1,
        readiness_failures=instance.readiness_failures,
    )
    turn.happen(successor, Happening.START)
    turn.sort()
    turn.record(successor, "roll-begun", {"old_pid": instance.pid})


def finish(turn: Turn, old: Instance) -> None:
    """The successor is ready: the old one may go."""
    turn.put(replace(old, wanted=False, retiring=True))


def call_off(turn: Turn, new: Instance, old: Instance) -> None:
    """The successor is gone without having been ready: the old one has its place back, and nothing else is rolled."""
    turn.instances.pop(old.key)
    reason = f"the new one {new.last_exit}; the old one, pid {old.pid}, goes on"
    failures = max(old.readiness_failures, new.readiness_failures)
    turn.put(replace(old, outgoing=False, roll_failed=reason, process=new.process, readiness_failures=failures))
    turn.sort()
    turn.do(do.Changed(old.name))
    turn.record(old, "roll-called-off", {"because": new.last_exit})
    for other in list(turn.instances.values()):
        if other.process.name == old.process.name and other.roll:
            turn.put(replace(other, roll=False, roll_failed=f"not rolled, because {old.name} was not ready"))


def pairs(turn: Turn, restless: list[Instance]) -> Iterator[tuple[Instance, Instance]]:
    """Each (new, old) of a name."""
    for old in restless:
        new = turn.instances.get(old.name)
        if old.outgoing and new is not None:
            yield new, old


def due(turn: Turn, restless: list[Instance]) -> Iterator[Instance]:
    """What is to be rolled now: of each process, as many at once as its surge allows."""
    under_way = [instance.process.name for instance in restless if instance.outgoing]
    for instance in restless:
        name = instance.process.name
        if _is_due(turn, instance) and under_way.count(name) < instance.process.max_surge:
            under_way.append(name)
            yield instance


def _is_due(turn: Turn, instance: Instance) -> bool:
    is_serving = instance.wanted and instance.phase in (Phase.READY, Phase.UNREADY)
    return instance.roll and is_serving and outgoing_of(turn, instance) is None
