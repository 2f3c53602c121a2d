"""Reloading: what runs reads its code again under its old pid where its program does that well, else it is renewed.

A backend's reload signal is a promise: the new code is served and no request is lost. What the program was started
with, its options and its environment, stays as it is; that takes a new life.
"""

from __future__ import annotations

from procession.stack.model import ProbeType
from procession.supervisor.core.instance import Instance, Phase
from procession.supervisor.core.roll import can_roll


def reload_signal(instance: Instance) -> str:
    """The signal by which this life reloads itself; "" if it cannot, or must not get it now.

    Before it is ready it may not have its handler yet, and would die of it. So would one of which nobody knows when it
    is ready.
    """
    is_ready = instance.phase in (Phase.READY, Phase.UNREADY) and instance.running.readiness.type is not ProbeType.NONE
    is_as_declared = instance.running.may_go_on_as(instance.process)
    return instance.running.reload_signal if is_ready and is_as_declared else ""


def way(instance: Instance) -> str:
    """How it is reloaded, for the history and a person: "SIGHUP", "roll" or "restart"."""
    if signal := reload_signal(instance):
        return f"SIG{signal}"
    is_serving = instance.phase in (Phase.READY, Phase.UNREADY)
    return "roll" if is_serving and can_roll(instance.process) and can_roll(instance.running) else "restart"


def told(instance: Instance) -> str:
    """What is done to it, in a line: "web.1: SIGHUP sent to pid 4121, which reloads by itself"."""
    how = way(instance)
    if how.startswith("SIG"):
        return f"{instance.name}: {how} sent to pid {instance.pid}, which reloads by itself"
    done = {"roll": "rolled", "restart": "restarted"}[how]
    return f"{instance.name}: {done}, because {_why_not_by_signal(instance)}"


def _why_not_by_signal(instance: Instance) -> str:
    if not instance.running.reload_signal:
        return f"{instance.process.backend}, as it is run here, has no safe reload of its own"
    if instance.phase not in (Phase.READY, Phase.UNREADY):
        return f"it was {instance.phase.value}"
    if not instance.running.may_go_on_as(instance.process):
        return "its declaration has changed"
    return "nobody knows whether it is ready for a signal"
