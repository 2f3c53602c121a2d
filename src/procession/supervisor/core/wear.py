"""Renewal of what is worn: an instance that is as old as MAX_AGE, or uses more memory than it may, has a new life.

It is rolled where that can be, restarted otherwise; no two of a process at once, so that the others serve meanwhile.
"""

from __future__ import annotations

from dataclasses import replace

from procession.stack.model import Kind
from procession.supervisor.core.backoff import JITTER, jitter
from procession.supervisor.core.commands import renewed
from procession.supervisor.core.instance import Instance, Phase
from procession.supervisor.core.model import Model
from procession.supervisor.core.turn import Turn
from procession.units import show_bytes, show_seconds

AT_WORK = frozenset({Phase.READY, Phase.UNREADY})
ON_ITS_WAY = frozenset({Phase.STARTING, Phase.STOPPING, Phase.KILLING, Phase.SWEEPING})


def next_renewal(model: Model) -> float | None:
    """When the first instance reaches its age (monotonic seconds); None: none ever does, as things are."""
    dues = (age_due(instance) for instance in model.instances.values() if instance.process.max_age_seconds)
    return min((due for due in dues if due is not None), default=None)


def age_due(instance: Instance) -> float | None:
    """When it reaches its age: MAX_AGE give or take a tenth, which is its life's own and holds over an adoption.

    A renewal that was called off is tried again that much later. None: never, or nothing can come of it now.
    """
    longest = instance.process.max_age_seconds
    if not longest or instance.born is None or not _may_wear(instance):
        return None
    began = instance.born if instance.renewed_at is None else instance.renewed_at
    return began + longest * spread(instance.name, instance.life)


def spread(name: str, life: int) -> float:
    """A factor from 1 - JITTER to 1 + JITTER, so that instances that began together do not age together."""
    return 1 - JITTER + 2 * (jitter(name, life) - 1)


def age(turn: Turn, instance: Instance) -> None:
    """Its age is reached."""
    assert instance.born is not None, "age_due has looked"
    why = f"has reached MAX_AGE of {show_seconds(instance.process.max_age_seconds)}"
    turn.put(replace(instance, worn=why))
    turn.record(instance, "aged", {"age_seconds": round(turn.now - instance.born, 3), "because": why})


def grow(turn: Turn, instance: Instance, used_bytes: int) -> None:
    """It uses more memory than it may. A life has at least as long as the longest backoff, however much it uses."""
    if not _may_wear(instance) or instance.born is None:
        return
    began = instance.born if instance.renewed_at is None else instance.renewed_at
    if turn.now < began + instance.process.backoff.longest_seconds:
        return
    limit_bytes = instance.running.limits.memory_bytes
    why = f'used {show_bytes(used_bytes)}, more than LIMITS["memory"] of {show_bytes(limit_bytes)}'
    turn.put(replace(instance, worn=why))
    turn.record(instance, "outgrown", {"used_bytes": used_bytes, "limit_bytes": limit_bytes, "because": why})


def renew_worn(turn: Turn, restless: list[Instance]) -> bool:
    """Begin the renewal of what is worn, one instance of a process at a time."""
    for instance in restless:
        if instance.worn and not _may_wear(replace(instance, worn="")):
            turn.put(replace(instance, worn=""))  # it ends, or begins anew, for another reason
            return True
        if instance.worn and not _is_one_on_its_way(turn, instance.process.name):
            new = renewed(replace(instance, worn="", renewed_at=turn.now))
            turn.put(replace(new, blame=instance.worn) if new.again else new)
            return True
    return False


def _may_wear(instance: Instance) -> bool:
    """It is at work, and nobody has anything else in mind for it. A task ends by itself."""
    is_spoken_for = instance.again or instance.roll or instance.outgoing or instance.retiring or bool(instance.worn)
    is_at_work = instance.phase in AT_WORK and instance.process.kind is Kind.PROCESS
    return is_at_work and instance.wanted and not is_spoken_for


def _is_one_on_its_way(turn: Turn, process: str) -> bool:
    """Whether an instance of it begins, ends, or is about to."""
    return any(
        i.again or i.roll or i.outgoing or i.phase in ON_ITS_WAY
        for i in turn.instances.values()
        if i.process.name == process
    )
