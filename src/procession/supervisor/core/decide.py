"""The whole core: `decide(model, event, now) -> (model, actions)`. Pure: no clock, no chance, no system call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from procession.refusal import ExitCode
from procession.stack.model import ProbeType
from procession.supervisor.core import actions as do
from procession.supervisor.core import commands, judge, wear
from procession.supervisor.core.events import (
    Adopted,
    Apply,
    Command,
    Died,
    Down,
    Event,
    Execed,
    Grown,
    MemoryKilled,
    News,
    NotHeld,
    Probed,
    Reload,
    Restart,
    Resume,
    Roll,
    Scale,
    Send,
    Spawned,
    SpawnFailed,
    Start,
    Stop,
    Survived,
    Tick,
    Told,
    TreeGone,
)
from procession.supervisor.core.instance import Happening, Instance, OutOfMemory, Phase, memory_text, status_text
from procession.supervisor.core.model import Model
from procession.supervisor.core.roll import outgoing_of
from procession.supervisor.core.settle import settle
from procession.supervisor.core.turn import Turn


def decide(model: Model, event: Event, now: float) -> tuple[Model, tuple[do.Action, ...]]:
    """What the model becomes by `event` at `now` (monotonic seconds), and what is to be done, in this order."""
    turn = Turn(model, now)
    if isinstance(event, Tick):
        _pass_deadlines(turn)
    elif isinstance(event, Grown | MemoryKilled | NotHeld):
        _meet_limit(turn, event)
    elif isinstance(event, News):
        _take_news(turn, event)
    else:
        _obey(turn, event)
    settle(turn)
    return turn.end()


def next_deadline(model: Model) -> float | None:
    """When a Tick is due (monotonic seconds); None: only news will change anything."""
    instances = model.instances.values()
    deadlines = [due for i in instances for due in (i.deadline, i.others_due) if due is not None]
    renewal = wear.next_renewal(model)
    return min(deadlines if renewal is None else [*deadlines, renewal], default=None)


def _pass_deadlines(turn: Turn) -> None:
    for instance in list(turn.instances.values()):
        if instance.others_due is not None and instance.others_due <= turn.now:
            _wait_no_longer(turn, instance)
        elif instance.deadline is not None and instance.deadline <= turn.now:
            turn.happen(instance, _doubted(turn, instance) or judge.deadline(instance))
        elif (due := wear.age_due(instance)) is not None and due <= turn.now:
            wear.age(turn, instance)


def _wait_no_longer(turn: Turn, instance: Instance) -> None:
    """For the workers that have not loaded the site yet."""
    turn.put(replace(instance, others_due=None))
    if instance.phase is Phase.STARTING:
        _told(turn, turn.instances[instance.key], Told(instance.name, instance.life, ready=True))


def _doubted(turn: Turn, instance: Instance) -> Happening | None:
    """What has run all the time is not ended because its word may be lost; unless an old life still serves."""
    is_starting = instance.phase is Phase.STARTING and instance.may_have_told
    return Happening.READY_SEEN if is_starting and outgoing_of(turn, instance) is None else None


def _obey(turn: Turn, command: Command) -> None:
    if turn.model.is_ending and not isinstance(command, Down | Send):
        why = "the supervisor is going down; run `procession up` when it has"
        if not isinstance(command, Resume):
            turn.do(do.Reply(command.operation, done=False, text=(why,), code=ExitCode.NOT_SO))
        return
    OBEY[type(command)](turn, command)


OBEY: Final[Mapping[type[Command], Callable[[Turn, Any], object]]] = {
    Apply: commands.apply,
    Start: commands.start,
    Stop: commands.stop,
    Restart: commands.restart,
    Roll: commands.roll,
    Reload: commands.reload,
    Scale: commands.scale,
    Down: commands.down,
    Send: commands.send,
    Resume: lambda turn, _: commands.resume(turn),
}


def _take_news(turn: Turn, news: News) -> None:
    if isinstance(news, Adopted):
        instance = turn.instances.get(news.name)
    else:
        instance = turn.model.find(news.name, news.life)
    if instance is None:
        return  # of an instance that is no more, or of an earlier life
    match news:
        case Spawned():
            turn.put(replace(instance, pid=news.pid))
            turn.do(do.Changed(news.name))
        case Execed():
            _execed(turn, instance)
        case SpawnFailed():
            turn.record(instance, "spawn-failed", {"why": news.why})
            turn.happen(replace(instance, pid=0, status=None, last_exit=news.why), Happening.SPAWN_FAILED)
        case Died():
            _died(turn, instance, news)
        case TreeGone():
            turn.happen(instance, judge.gone(instance, turn.now))
        case Probed():
            _judged(turn, instance, judge.probed(instance, news))
        case Told():
            _told(turn, instance, news)
        case Adopted():
            _adopt(turn, instance, news)
        case Survived():
            left = f"could not be killed: {', '.join(news.processes)}"
            turn.record(instance, "left-behind", {"processes": list(news.processes)})
            turn.happen(replace(instance, blame=left, last_exit=left), Happening.SURVIVED)


def _judged(turn: Turn, before: Instance, judged: tuple[Instance, Happening | None]) -> None:
    """Take the step, if there is one. A new reason why it is not ready is news even where no step follows from it."""
    instance, happening = judged
    if happening is None:
        turn.put(instance)
    else:
        turn.happen(instance, happening)
    if happening is Happening.STARTUP_SEEN and judge.is_ready_unasked(instance):
        turn.happen(turn.instances[instance.key], Happening.READY_SEEN)
    now = turn.instances[instance.key]
    if (now.said, now.tells) != (before.said, before.tells) and now.phase is before.phase:
        turn.do(do.Changed(now.name))


def _told(turn: Turn, instance: Instance, news: Told) -> None:
    """What stands by no more is as far as after its exec."""
    _judged(turn, instance, judge.told(instance, news, turn.now))
    if news.standby is False:
        _begun(turn, turn.instances[instance.key])


def _execed(turn: Turn, instance: Instance) -> None:
    turn.record(instance, "started")
    if not instance.running.lease:  # else it says when it has that
        _begun(turn, instance)


def _begun(turn: Turn, instance: Instance) -> None:
    """The program itself runs now. Where nothing is asked, it is ready."""
    if instance.running.readiness.type is ProbeType.NONE and not instance.is_starting_up:
        turn.happen(instance, Happening.READY_SEEN)


def _died(turn: Turn, instance: Instance, news: Died) -> None:
    killer = _killer(instance, news)
    text = _end_text(instance, killer, news.status) + (
        f", stopped because it {instance.blame}" if instance.blame else ""
    )
    memory = {"killer": killer.value} if killer is not OutOfMemory.NO else {}
    turn.record(instance, "exited", {"status": news.status, "text": text, **memory})
    turn.happen(replace(instance, pid=0, status=news.status, last_exit=text), Happening.DIED)


def _killer(instance: Instance, news: Died) -> OutOfMemory:
    """What we killed ourselves, no lack of memory did."""
    return OutOfMemory.NO if instance.phase is Phase.KILLING else news.killer


def _end_text(instance: Instance, killer: OutOfMemory, status: int | None) -> str:
    return memory_text(killer, instance.running.limits.memory_bytes) or status_text(status)


def _meet_limit(turn: Turn, news: Grown | MemoryKilled | NotHeld) -> None:
    instance = turn.model.find(news.name, news.life)
    if instance is None:
        return
    match news:
        case Grown():
            wear.grow(turn, instance, news.used_bytes)
        case MemoryKilled():
            text = memory_text(news.killer, instance.running.limits.memory_bytes)
            turn.record(instance, "out-of-memory", {"processes": news.processes, "text": text})
        case NotHeld():
            turn.record(instance, "limits-not-held", {"what": list(news.what)})


def _adopt(turn: Turn, instance: Instance, news: Adopted) -> None:
    """An instance of an earlier supervisor: it runs, whatever the table would say of how it came to that."""
    instance = replace(
        instance,
        phase=Phase.READY if news.was_ready else Phase.STARTING,
        since=turn.now,
        life=news.life,
        pid=news.pid,
        born=turn.now - news.age_seconds,
        ready_at=turn.now - news.age_seconds if news.was_ready else None,
        has_started=news.was_ready,
        has_told=True,  # it may have, to the supervisor before us
        may_have_told=not news.was_ready and instance.process.readiness.type in (ProbeType.NOTIFY, ProbeType.APP),
        restarts=news.restarts,
        outgoing=news.outgoing,
        deadline=None if news.was_ready else turn.due(instance.process.startup or instance.process.readiness),
    )
    turn.put(commands.renewed(instance) if news.definition_stale and not news.outgoing else instance)
    turn.record(instance, "adopted", {"age_seconds": round(news.age_seconds, 3)})
    turn.do(do.Changed(instance.name))
    turn.watch(instance)
