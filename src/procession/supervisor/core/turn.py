"""One call of `decide` in the making: the instances as they become, and the actions collected on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from procession.stack.model import Probe, ProbeType
from procession.supervisor.core import actions as do
from procession.supervisor.core.backoff import delay_seconds, jitter
from procession.supervisor.core.instance import Happening, Instance, Phase
from procession.supervisor.core.model import Model
from procession.supervisor.core.table import TABLE, Effect, Ignored

NOTHING: Final[Mapping[str, object]] = {}
ABORT_SECONDS = 10.0  # for a hung tree to write its tracebacks; it is killed at once when its main process is gone
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
        """Ask for what it does not tell by itself: whether it has started; then whether it is ready; and, once it was,
        or once it has started where that is asked, whether it is alive.
        """
        startup, readiness, liveness = instance.running.startup, instance.running.readiness, instance.running.liveness
        was_ready = instance.ready_at is not None
        if startup is not None and instance.is_starting_up:
            self._ask(instance, "startup", startup)
            return
        if readiness.type in ASKED and not (was_ready and readiness.failures == 0):
            self._ask(instance, "readiness", readiness)
        if liveness is not None and (was_ready or startup is not None):
            self.do(do.Watch(instance.name, instance.life, "liveness", liveness))

    def due(self, probe: Probe) -> float | None:
        """When that probe must have been good once; None: nobody waits for it."""
        return self.now + probe.within_seconds if probe.within_seconds and probe.type is not ProbeType.NONE else None

    def _ask(self, instance: Instance, about: str, probe: Probe) -> None:
        if probe.type in ASKED:
            self.do(do.Watch(instance.name, instance.life, about, probe))

    def _record_step(self, before: Instance, instance: Instance) -> None:
        if instance.phase in RECORDED and before.phase is not instance.phase:
            self.record(instance, RECORDED[instance.phase], _detail(instance))
        if instance.is_crash_looping and not before.is_crash_looping:
            self.record(instance, "crash-looping", {"deaths": instance.deaths, "last_exit": instance.last_exit})


RECORDED: Final[Mapping[Phase, str]] = {  # the phases whose beginning is kept in the history, and as what
    Phase.STARTING: "starting",
    Phase.STANDBY: "standby",
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
    if instance.phase is Phase.STANDBY:
        return {"said": instance.tells}
    if instance.phase is Phase.STOPPING and instance.blame:
        return {"because": instance.blame}
    if instance.phase in (Phase.BACKOFF, Phase.FAILED):
        return {"last_exit": instance.last_exit, "deaths": instance.deaths}
    return {}


def _spawn(turn: Turn, instance: Instance) -> Instance:
    process, life = instance.process, turn.model.lives + 1
    turn.model = replace(turn.model, lives=life)
    turn.do(do.Spawn(instance.name, life, process))
    instance = replace(
        _forget_ready(turn, instance),
        running=process,
        life=life,
        pid=0,
        again=False,
        roll=False,
        roll_failed="",
        worn="",
        renewed_at=None,
        born=turn.now,
        may_have_told=False,
        restarts=instance.restarts + (instance.born is not None),
        rung=0,
        blame="",
        tells="",
    )
    return _watch_start(turn, instance)


def _watch_start(turn: Turn, instance: Instance) -> Instance:
    turn.watch(instance)
    return replace(instance, deadline=turn.due(instance.running.startup or instance.running.readiness))


def _watch_started(turn: Turn, instance: Instance) -> Instance:
    turn.do(do.Unwatch(instance.name, instance.life))
    turn.watch(instance)
    return replace(instance, deadline=turn.due(instance.running.readiness))


def _watch_liveness(turn: Turn, instance: Instance) -> Instance:
    readiness, liveness = instance.running.readiness, instance.running.liveness
    is_watched = instance.running.startup is not None  # since it has started
    if readiness.failures == 0:  # it is asked for only until it is there
        turn.do(do.Unwatch(instance.name, instance.life))
        is_watched = False
    if liveness is not None and not is_watched:
        turn.do(do.Watch(instance.name, instance.life, "liveness", liveness))
    return replace(instance, ready_at=turn.now)


def _unwatch(turn: Turn, instance: Instance) -> Instance:
    turn.do(do.Unwatch(instance.name, instance.life))
    return instance


def _forget_ready(_turn: Turn, instance: Instance) -> Instance:
    """What it showed and said on the way to being ready; a new life begins without it, too."""
    return replace(
        instance,
        ready_at=None,
        has_started=False,
        loaded=frozenset(),
        others_due=None,
        has_told=False,
        failures_ready=0,
        failures_alive=0,
        said="",
    )


def _send_stop(turn: Turn, instance: Instance) -> Instance:
    return _send_rung(turn, instance, 0)


def _send_next(turn: Turn, instance: Instance) -> Instance:
    return _send_rung(turn, instance, instance.rung + 1)


def _send_rung(turn: Turn, instance: Instance, rung: int) -> Instance:
    step = instance.running.stop[rung]
    turn.do(do.SendSignal(instance.name, instance.life, step.signal))
    return replace(instance, rung=rung, deadline=turn.now + step.seconds)


def _await_end(turn: Turn, instance: Instance) -> Instance:
    running = instance.running
    return replace(instance, rung=len(running.stop), deadline=turn.now + running.stop_seconds)


def _send_abort(turn: Turn, instance: Instance) -> Instance:
    turn.do(do.Abort(instance.name, instance.life))
    times = f", {instance.failures_alive} times" if instance.failures_alive > 1 else ""
    blame = f"hung: {instance.said}{times}"
    turn.record(instance, "hung", {"said": instance.said + times})
    return replace(instance, rung=len(instance.running.stop), deadline=turn.now + ABORT_SECONDS, blame=blame)


def _blame_late(_turn: Turn, instance: Instance) -> Instance:
    running = instance.running
    probe, what = (
        (running.startup, "started") if running.startup and instance.is_starting_up else (running.readiness, "ready")
    )
    said = f": {instance.said}" if instance.said else ""
    failures = instance.readiness_failures + 1
    blame = f"was not {what} within {probe.within_seconds:g} s{said}"
    return replace(instance, blame=blame, readiness_failures=failures)


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
    Effect.WATCH_STARTED: _watch_started,
    Effect.WATCH_START: _watch_start,
    Effect.WATCH_LIVENESS: _watch_liveness,
    Effect.UNWATCH: _unwatch,
    Effect.FORGET_READY: _forget_ready,
    Effect.SEND_STOP: _send_stop,
    Effect.SEND_NEXT: _send_next,
    Effect.AWAIT_END: _await_end,
    Effect.SEND_ABORT: _send_abort,
    Effect.BLAME_LATE: _blame_late,
    Effect.KILL: _kill,
    Effect.SWEEP: _sweep,
    Effect.ARM_BACKOFF: _arm_backoff,
    Effect.DISARM: _disarm,
    Effect.COUNT_DEATH: _count_death,
    Effect.FORGIVE: _forgive,
}
