"""What follows from what just happened: starts that are clear now, stops whose turn has come, answers that are due.

Called after every event, and the only place that lets one instance's fate depend on another's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from procession.refusal import ExitCode
from procession.stack.model import Kind
from procession.supervisor.core import actions as do
from procession.supervisor.core import roll
from procession.supervisor.core.awaited import blockers, explain_waits, short_of
from procession.supervisor.core.instance import ALIVE, AT_REST, Happening, Instance, Phase
from procession.supervisor.core.model import Goal, Operation
from procession.supervisor.core.turn import Turn
from procession.supervisor.core.wear import renew_worn

NOT_READY = frozenset({Phase.BACKOFF, Phase.FAILED, Phase.DONE})  # how a start ends that came to nothing
STOPPABLE = ALIVE | {Phase.WAITING, Phase.BACKOFF}


def settle(turn: Turn) -> None:
    """Take every step that is due, until none is: each one may clear the way for another."""
    while _take_a_step(turn, _restless(turn)):
        pass
    explain_waits(turn)
    _answer(turn)


def _take_a_step(turn: Turn, restless: list[Instance]) -> bool:
    return any(step(turn, restless) for step in STEPS)


def _restless(turn: Turn) -> list[Instance]:
    """Those that a step could concern: of a thousand that run, and are wanted, none is."""
    return [
        i
        for i in turn.instances.values()
        if i.phase is Phase.WAITING
        or i.again
        or i.roll
        or i.outgoing
        or i.retiring
        or i.worn
        or (not i.wanted and i.phase not in AT_REST)
    ]


def _release(turn: Turn, restless: list[Instance]) -> bool:
    """Start what waits and has nothing left to wait for."""
    clear = [
        instance
        for instance in restless
        if instance.phase is Phase.WAITING and instance.wanted and not blockers(turn, instance.process)
        if roll.can_roll(instance.process) or roll.outgoing_of(turn, instance) is None
    ]
    for instance in clear:
        turn.happen(instance, Happening.CLEARED)
    return bool(clear)


def _stop_leaving(turn: Turn, restless: list[Instance]) -> bool:
    """Stop what is not wanted any more, once all that depends on it and leaves, too, has come to rest."""
    leaving = [i for i in restless if not i.wanted and i.phase not in AT_REST]
    needed = {dependency.name for instance in leaving for dependency in instance.process.depends_on}
    due = [i for i in leaving if i.phase in STOPPABLE and i.process.name not in needed]
    for instance in due:
        turn.happen(instance, Happening.STOP)
    return bool(due)


def _restart_again(turn: Turn, restless: list[Instance]) -> bool:
    """End what is to start again, once its next life would not have to wait; until then it goes on serving."""
    due = [
        instance
        for instance in restless
        if instance.again and instance.wanted and instance.phase in ALIVE and not blockers(turn, instance.process)
    ]
    for instance in due:
        turn.happen(instance, Happening.RESTART)
    return bool(due)


def _roll_on(turn: Turn, restless: list[Instance]) -> bool:
    """Take each roll a step further: drain the old one of a ready pair, clear a new one that died, begin the next."""
    moved = False
    for new, old in roll.pairs(turn, restless):
        if old.wanted and (new.phase is Phase.READY or not roll.can_roll(new.process)):
            roll.finish(turn, old)
            moved = True
        elif new.phase in NOT_READY and new.wanted and old.wanted and old.phase in ALIVE:
            roll.call_off(turn, new, old)
            moved = True
    for instance in roll.due(turn, restless):
        if not blockers(turn, instance.process):
            roll.begin(turn, instance)
            moved = True
    return moved


def _forget_retired(turn: Turn, restless: list[Instance]) -> bool:
    """Forget what shall not come back. The log of an old life is that of its successor, too."""
    retired = [i for i in restless if (i.retiring or i.outgoing) and i.phase in AT_REST]
    for instance in retired:
        del turn.instances[instance.key]
        turn.do(do.Changed(instance.name))
        if not any(other.name == instance.name for other in turn.instances.values()):
            turn.do(do.CloseLog(instance.name))
        if not any(other.process.name == instance.process.name for other in turn.instances.values()):
            turn.do(do.Listen(instance.process.name, ()))
    return bool(retired)


STEPS = (_release, _stop_leaving, renew_worn, _restart_again, _roll_on, _forget_retired)


def _answer(turn: Turn) -> None:
    """Reply to the operations whose goal is reached, or never will be."""
    for operation in turn.model.operations:
        reply = _outcome(turn, operation)
        if reply is not None:
            turn.do(reply)
            turn.model = replace(
                turn.model, operations=tuple(other for other in turn.model.operations if other.id != operation.id)
            )
    if turn.model.is_ending and all(instance.phase in AT_REST for instance in turn.instances.values()):
        turn.do(do.Quit())


def _outcome(turn: Turn, operation: Operation) -> do.Reply | None:
    instances = [(turn.instances.get(name), life) for name, life in operation.lives.items()]
    if operation.goal is Goal.AT_REST:
        present = [instance for instance, _ in instances if instance is not None]
        if any(not instance.wanted and instance.phase not in AT_REST for instance in present):
            return None
        return _reply(operation, tuple(_not_stopped(present)))
    troubled: list[Instance] = []
    for instance, life in instances:
        if instance is None or _is_running(turn, instance, life):
            continue
        if not _is_hopeless(turn, instance) and not (instance.roll_failed and instance.life < life):
            return None
        troubled.append(instance)
    stopped = [i for i, _ in instances if i is not None and not i.wanted and not i.retiring]
    troubles = [trouble(turn, instance) for instance in troubled]
    return _reply(operation, (*troubles, *(f"{one.name}: somebody stopped it meanwhile" for one in stopped)))


def _reply(operation: Operation, troubles: tuple[str, ...]) -> do.Reply:
    if troubles:
        return do.Reply(operation.id, done=False, text=troubles, code=ExitCode.NOT_SO)
    return do.Reply(operation.id, done=True, text=operation.said)


def _is_running(turn: Turn, instance: Instance, life: int) -> bool:
    """It is as far as a start wants it to be, and one that a person stopped meanwhile is not waited for."""
    if not instance.wanted:
        return instance.phase in AT_REST
    if roll.is_rolling(turn, instance):
        return False
    goals = (Phase.DONE,) if instance.process.kind is Kind.TASK else (Phase.READY, Phase.DONE)
    return instance.life >= life and not instance.again and instance.phase in goals


def _is_hopeless(turn: Turn, instance: Instance) -> bool:
    """It will not be ready without a person: it failed, or dies again and again, or waits for one that does."""
    if not instance.wanted:
        return False
    if instance.phase is Phase.FAILED or (instance.phase is Phase.BACKOFF and instance.is_crash_looping):
        return True
    if instance.phase is Phase.WAITING or instance.again or instance.roll:
        return any(not other.wanted or _is_hopeless(turn, other) for other in _waited_for(turn, instance))
    return False


def _waited_for(turn: Turn, instance: Instance) -> Iterator[Instance]:
    """The instances that it depends on and that have not come as far as it asks."""
    for dependency in instance.process.depends_on:
        yield from short_of(turn, dependency)


def trouble(turn: Turn, instance: Instance) -> str:
    """Why it is not ready, in a line: "web.1: crash-looping: exited with 3, 3 times"."""
    if instance.roll_failed:
        return f"{instance.name}: {instance.roll_failed}"
    if instance.phase is Phase.FAILED:
        return f"{instance.name}: failed: {instance.last_exit}"
    if instance.is_crash_looping:
        return f"{instance.name}: crash-looping: {instance.last_exit}, early death number {instance.deaths}"
    waits = "; ".join(blockers(turn, instance.process))
    if instance.again or instance.roll:
        return f"{instance.name}: still runs the old declaration, because its next start waits for {waits}"
    return f"{instance.name}: waits for {waits}"


def _not_stopped(instances: list[Instance]) -> Iterator[str]:
    """Why a stop did not do what was asked, a line for each that is not gone."""
    for instance in instances:
        if instance.wanted:
            yield f"{instance.name}: somebody started it again meanwhile"
        elif instance.phase is Phase.FAILED and instance.blame:
            yield f"{instance.name}: {instance.blame}"
