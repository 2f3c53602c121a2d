"""What the supervisor says of itself: the data of `status`, and one instance's part of it."""

from __future__ import annotations

from procession.stack.model import Process
from procession.supervisor.core.awaited import blockers
from procession.supervisor.core.instance import Instance, Phase, outgoing_key
from procession.supervisor.core.model import Model
from procession.supervisor.core.turn import Turn


def status(model: Model, now: float) -> dict[str, object]:
    """{"name", "processes": [...], "instances": [...]}: plain JSON data. Durations are in seconds."""
    return {
        "name": model.stack.name,
        "is_ending": model.is_ending,
        "processes": [_process(model, process) for process in model.stack.processes],
        "instances": [change(model, name, now) for name in model.instances],
    }


def change(model: Model, name: str, now: float) -> dict[str, object]:
    """One instance as data; an instance that is no more has phase "gone"."""
    instance = model.instances.get(name)
    if instance is None:
        return {"name": name, "phase": "gone"}
    return {
        "name": instance.name,
        "outgoing": instance.outgoing,
        "process": instance.process.name,
        "kind": instance.process.kind.value,
        "phase": instance.phase.value,
        "pid": instance.pid,
        "life": instance.life,
        "wanted": instance.wanted,
        "since_seconds": round(now - instance.since, 3),
        "uptime_seconds": round(now - instance.born, 3) if instance.pid and instance.born is not None else 0.0,
        "deadline_seconds": round(instance.deadline - now, 3) if instance.deadline is not None else None,
        "restarts": instance.restarts,
        "deaths": instance.deaths,
        "crash_looping": instance.is_crash_looping,
        "last_exit": instance.last_exit,
        "last_status": instance.status,
        "readiness_failures": instance.readiness_failures,
        "roll_failed": instance.roll_failed,
        "starting_up": instance.phase is Phase.STARTING and instance.is_starting_up,
        "says": instance.tells if instance.pid else "",
        "why": why(model, instance, now),
        "draining": _draining(model, instance, now),
    }


def _draining(model: Model, instance: Instance, now: float) -> dict[str, object] | None:
    """The old life beside it that finishes its work: a roll is done when that is."""
    old = None if instance.outgoing else model.instances.get(outgoing_key(instance.name))
    return None if old is None or old.wanted else change(model, old.key, now)


def why(model: Model, instance: Instance, now: float) -> str:
    """Why it is not ready, for a person; empty when it is, or when nobody wants it to be."""
    if instance.phase is Phase.WAITING:
        return f"waits for {instance.awaits}"
    if instance.phase is Phase.STARTING:
        return instance.said or instance.tells or "not ready yet"
    if instance.phase in (Phase.STANDBY, Phase.UNREADY):
        return instance.tells if instance.phase is Phase.STANDBY else instance.said
    if instance.phase is Phase.STOPPING:
        return instance.blame or _why_stopping(instance)
    if instance.phase in (Phase.BACKOFF, Phase.FAILED):
        return instance.last_exit
    if instance.roll_failed:
        return instance.roll_failed
    if instance.again or instance.roll:
        waits = "; ".join(blockers(Turn(model, now), instance.process))
        return f"its next start waits for {waits}" if waits else "starts again soon"
    return ""


def _why_stopping(instance: Instance) -> str:
    if instance.stops_by_itself:
        return "said that it stops"
    return f"finishes its work after SIG{instance.running.stop[instance.rung].signal}"


def _process(model: Model, process: Process) -> dict[str, object]:
    return {
        "name": process.name,
        "kind": process.kind.value,
        "backend": process.backend,
        "replicas": model.replicas(process),
        "singleton": process.singleton,
        "listeners": [listener.bind for listener in process.listeners],
        "argv": list(process.argv),
        "stop_seconds": process.stop_seconds,
        "log": process.log.file,
    }
