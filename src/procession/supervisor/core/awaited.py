"""What an instance waits for, and in which state that is: "db: tcp 127.0.0.1:5432: connection refused"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from procession.stack.model import Condition, Dependency, Kind, Process
from procession.supervisor.core import actions as do
from procession.supervisor.core import roll
from procession.supervisor.core.instance import ALIVE, Instance, Phase
from procession.supervisor.core.turn import Turn


def blockers(turn: Turn, process: Process) -> tuple[str, ...]:
    """What this process still waits for, a line for each dependency: "migrate: runs"."""
    return tuple(
        f"{dependency.name}: {standing(instance)}"
        for dependency in process.depends_on
        for instance in _first(short_of(turn, dependency))
    )


def standing(instance: Instance) -> str:
    """Why others still wait for it."""
    match instance.phase:
        case Phase.FAILED:
            return f"failed: {instance.last_exit}"
        case Phase.BACKOFF:
            return f"{instance.last_exit}; starts again soon"
        case Phase.STARTING:
            return instance.said or instance.tells or "starts"
        case Phase.UNREADY:
            return instance.said or "unready"
        case Phase.READY if instance.process.kind is Kind.TASK:
            return "runs"
        case phase:
            return phase.value


def short_of(turn: Turn, dependency: Dependency) -> Iterator[Instance]:
    """The instances of a dependency that are not as far as it asks. Of a rolling pair, one is enough."""
    for instance in turn.instances.values():
        if instance.process.name == dependency.name and not instance.outgoing:
            old = roll.outgoing_of(turn, instance)
            reached = any(i is not None and _has_reached(i, dependency.condition) for i in (instance, old))
            if not reached:
                yield instance


def explain_waits(turn: Turn) -> None:
    """Remember, and tell, what each one that waits is waiting for: that changes without any step of its own."""
    for instance in [i for i in turn.instances.values() if i.phase is Phase.WAITING or i.awaits]:
        awaits = "; ".join(blockers(turn, instance.process)) if instance.phase is Phase.WAITING else ""
        if awaits != instance.awaits:
            instance = turn.put(replace(instance, awaits=awaits))
            if awaits:
                turn.record(instance, "waiting", {"for": awaits})
                turn.do(do.Changed(instance.name))


def _has_reached(instance: Instance, condition: Condition) -> bool:
    """Whether it is as far as the condition asks. A task that is to run again has not reached anything yet."""
    if instance.phase is Phase.DONE:
        return not instance.again
    if condition is Condition.STARTED:
        return instance.phase in ALIVE and instance.pid > 0
    return condition is Condition.READY and instance.phase is Phase.READY


def _first(instances: Iterator[Instance]) -> Iterator[Instance]:
    for instance in instances:
        yield instance
        return
