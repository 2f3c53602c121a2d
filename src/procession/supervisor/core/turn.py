"""One call of `decide` in the making: the instances as they become, and the actions collected on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from procession.stack.model import ProbeType
from procession.supervisor.core import actions as do
from procession.supervisor.core.backoff import delay_seconds, jitter
from procession.supervisor.core.instance import Happening, Instance, Phase
from procession.supervisor.core.model import Model
from procession.supervisor.core.table import TABLE, Effect, Ignored

NOTHING: Final[Mapping[str, object]] = {}
ABORT_SECONDS = 5.0  # for a hung process to write its traceback
ASKED = frozenset({ProbeType.HTTP, ProbeType.TCP, ProbeType.EXEC, ProbeType.FILE})  # the others tell


class Turn:
    def __init__(self, model: Model, now: float) -> None:
        self.model = model
        self.now = now
        self.instances = dict(model.instances)
        self.actions: list[do.Action] = []

    def end(self) -> tuple[Model, tuple[do.Action, ...]]:
        return replace(self.model, instances=self.instances), tuple(self.actions)

    def put(self, instance: Instance) -> Instance:
        self.instances[instance.key] = instance
        return instance

    def do(self, action: do.Action) -> None:
        self.actions.append(action)

    def record(self, instance: Instance, kind: str, detail: Mapping[str, object] = NOTHING, who: str = "") -> None:
        self.do(do.Record(kind, instance.process.name, instance.name, instance.pid, detail, who))

    def happen(self, instance: Instance, happening: Happening) -> Instance:
        """Take the table's step for it, if there is one."""
        cell = TABLE[instance.phase, happening]
        if isinstance(cell, Ignored):
            return self.put(instance)
        before = instance
        instance = replace(instance, phase=cell.phase, since=self.now)
        for effect in cell.effects:
            instance = EFFECTS[effect](self, instance)
        self.put(instance)
        self.do(do.Changed(instance.name))
        self._record_step(before, instance)
        return instance

    def sort(self) -> None:
        """Put the instances into the stack's start order; those that are declared no more come last."""
        order = {process.name: place for place, process in enumerate(self.model.stack.processes)}
        instances = sorted(self.instances.values(), key=lambda i: (order.get(i.process.name, len(order)), i.number))
        self.instances = {instance.key: instance for instance in instances}

    def watch(self, instance: Instance) -> None:
        """Ask for what it does not tell by itself: readiness; and, once it was ready, whether it is alive."""
        readiness, liveness = instance.running.readiness, instance.running.liveness
        was_ready = instance.ready_at is not None
        if readiness.type in ASKED and not (was_ready and readiness.failures == 0):
            self.do(do.Watch(instance.name, instance.life, "readiness", readiness))
        if liveness is not None and was_ready:
            self.do(do.Watch(instance.name, instance.life, "liveness", liveness))

    def _record_step(self, before: Instance, instance: Instance) -> None:
        if instance.phase in RECORDED and before.phase is not instance.phase:
            self.record(instance, RECORDED[instance.phase], _detail(instance))
        if instance.is_crash_looping and not before.is_crash_looping:
            self.record(instance, "crash-looping", {"deaths": instance.deaths, "last_exit": instance.last_exit})


RECORDED: Final[Mapping[Phase, str]] = {  # the phases whose beginning is kept in the history, and as what
    Phase.STARTING: "starting",
    Phase.READY: "ready",
    Phase.UNREADY: "unready",
    Phase.STOPPING: "stopping",
    Phase.KILLING: "killing",
    Phase.BACKOFF: "backoff",
    Phase.FAILED: "failed",
    Phase.DONE: "done",
    Phase.STOPPED: "stopped",
}


def _detail(instance: Instance) -> dict[str, object]:
    """What the history keeps beside the new phase."""
    if instance.phase is Phase.UNREADY:
        return {"said": instance.said}
    if instance.phase is Phase.STOPPING and instance.blame:
        return {"because": instance.blame}
    if instance.phase in (Phase.BACKOFF, Phase.FAILED):
        return {"last_exit": instance.last_exit, "deaths": instance.deaths}
    return {}


def _spawn(turn: Turn, instance: Instance) -> Instance:
    process, life = instance.process, turn.model.lives + 1
    turn.model = replace(turn.model, lives=life)
    turn.do(do.Spawn(instance.name, life, process))
    if process.readiness.type in ASKED:
        turn.do(do.Watch(instance.name, life, "readiness", process.readiness))
    within = process.readiness.within_seconds
    return replace(
        instance,
        running=process,
        life=life,
        pid=0,
        again=False,
        roll=False,
        born=turn.now,
        ready_at=None,
        has_told=False,
        may_have_told=False,
        deadline=turn.now + within if within and process.readiness.type is not ProbeType.NONE else None,
        restarts=instance.restarts + (instance.born is not None),
        rung=0,
        failures_ready=0,
        failures_alive=0,
        blame="",
        said="",
    )


def _watch_liveness(turn: Turn, instance: Instance) -> Instance:
    readiness, liveness = instance.running.readiness, instance.running.liveness
    if readiness.failures == 0:  # it is asked for only until it is there
        turn.do(do.Unwatch(instance.name, instance.life))
    if liveness is not None:
        turn.do(do.Watch(instance.name, instance.life, "liveness", liveness))
    return replace(instance, ready_at=turn.now)


def _unwatch(turn: Turn, instance: Instance) -> Instance:
    turn.do(do.Unwatch(instance.name, instance.life))
    return instance


def _send_stop(turn: Turn, instance: Instance) -> Instance:
    return _send_rung(turn, instance, 0)


def _send_next(turn: Turn, instance: Instance) -> Instance:
    return _send_rung(turn, instance, instance.rung + 1)


def _send_rung(turn: Turn, instance: Instance, rung: int) -> Instance:
    step = instance.running.stop[rung]
    turn.do(do.SendSignal(instance.name, instance.life, step.signal))
    return replace(instance, rung=rung, deadline=turn.now + step.seconds)


def _send_abort(turn: Turn, instance: Instance) -> Instance:
    turn.do(do.SendSignal(instance.name, instance.life, "ABRT"))
    turn.record(instance, "hung", {"said": instance.said})
    blame = f"hung: {instance.said}"
    return replace(instance, rung=len(instance.running.stop), deadline=turn.now + ABORT_SECONDS, blame=blame)


def _blame_late(_turn: Turn, instance: Instance) -> Instance:
    within = f"{instance.running.readiness.within_seconds:g} s"
    return replace(instance, blame=f"was not ready within {within}" + (f": {instance.said}" if instance.said else ""))


def _kill(turn: Turn, instance: Instance) -> Instance:
    turn.do(do.KillTree(instance.name, instance.life))
    return _disarm(turn, instance)


def _sweep(turn: Turn, instance: Instance) -> Instance:
    turn.do(do.Sweep(instance.name, instance.life))
    turn.do(do.BreakLine(instance.name))
    return instance


def _arm_backoff(turn: Turn, instance: Instance) -> Instance:
    wait = delay_seconds(instance.deaths, instance.process.backoff) * jitter(instance.name, instance.life)
    return replace(instance, deadline=turn.now + wait)


def _disarm(_turn: Turn, instance: Instance) -> Instance:
    return replace(instance, deadline=None)


def _count_death(_turn: Turn, instance: Instance) -> Instance:
    return replace(instance, deaths=instance.deaths + 1)


def _forgive(_turn: Turn, instance: Instance) -> Instance:
    return replace(instance, deaths=0)


EFFECTS: Final[Mapping[Effect, Callable[[Turn, Instance], Instance]]] = {
    Effect.SPAWN: _spawn,
    Effect.WATCH_LIVENESS: _watch_liveness,
    Effect.UNWATCH: _unwatch,
    Effect.SEND_STOP: _send_stop,
    Effect.SEND_NEXT: _send_next,
    Effect.SEND_ABORT: _send_abort,
    Effect.BLAME_LATE: _blame_late,
    Effect.KILL: _kill,
    Effect.SWEEP: _sweep,
    Effect.ARM_BACKOFF: _arm_backoff,
    Effect.DISARM: _disarm,
    Effect.COUNT_DEATH: _count_death,
    Effect.FORGIVE: _forgive,
}
