"""What people ask for: each command changes what is wanted, and `settle` takes the steps that follow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from procession.refusal import ExitCode
from procession.stack.model import Kind, Process
from procession.supervisor.core import actions as do
from procession.supervisor.core.events import Apply, Down, Reload, Restart, Roll, Scale, Send, Start, Stop
from procession.supervisor.core.instance import ALIVE, AT_REST, ENDING, Happening, Instance, Phase
from procession.supervisor.core.model import REPLICAS_MAX, Goal, Operation
from procession.supervisor.core.reload import reload_signal, told, way
from procession.supervisor.core.roll import can_roll, is_known_alone
from procession.supervisor.core.turn import Turn

HALTED = frozenset({Phase.FAILED, Phase.BACKOFF})
"""It does not run for its own fault, which an update may have mended."""


def apply(turn: Turn, command: Apply) -> None:
    """Make the stack run: start what is new, stop what is gone, start again what changed, leave the rest alone."""
    before = turn.model.stack
    turn.model = replace(turn.model, stack=command.stack, scaled=_scaled_still(turn, command))
    turn.do(do.Record("applied", who=command.who, detail={"processes": [p.name for p in command.stack.processes]}))
    for process in before.processes:
        if command.stack.process(process.name) is None:
            _retire(turn, (i for i in turn.instances.values() if i.process.name == process.name))
    for process in command.stack.processes:
        _apply_process(turn, process, start=command.start)
    turn.sort()
    turn.do(do.Save())
    _await(turn, command.operation, Goal.RUNNING, _all_wanted(turn))


def _scaled_still(turn: Turn, command: Apply) -> dict[str, int]:
    """What a person scaled stays so, until another number is declared."""
    return {
        name: count
        for name, count in turn.model.scaled.items()
        if (new := command.stack.process(name))
        and (old := turn.model.stack.process(name))
        and new.replicas == old.replicas
    }


def _apply_process(turn: Turn, process: Process, *, start: bool) -> None:
    held = not start and _is_held(turn, process.name)
    for instance in [i for i in turn.instances.values() if i.process.name == process.name and not i.outgoing]:
        _redeclare(turn, instance, process, start=start)
    _set_replicas(turn, process, turn.model.replicas(process), held=held)
    if process.kind is Kind.TASK:
        for instance in [i for i in turn.instances.values() if i.process.name == process.name and not i.held]:
            turn.happen(replace(instance, wanted=True), Happening.START)


def _is_held(turn: Turn, name: str) -> bool:
    present = [i for i in turn.instances.values() if i.process.name == name]
    return bool(present) and all(instance.held for instance in present)


def _redeclare(turn: Turn, instance: Instance, process: Process, *, start: bool) -> None:
    changed = not instance.running.may_go_on_as(process) and instance.phase in ALIVE
    if instance.process.log != process.log:
        turn.do(do.OpenLog(instance.name, process.log))
    instance = turn.put(replace(instance, process=process, retiring=False))
    if changed:
        instance = turn.put(renewed(instance))
    if start or (instance.wanted and instance.phase in HALTED):
        _want(turn, instance)


def renewed(instance: Instance) -> Instance:
    """It shall have a new life: beside the old one where that can be, else after it."""
    if instance.phase in (Phase.READY, Phase.UNREADY) and can_roll(instance.process) and can_roll(instance.running):
        return replace(instance, roll=True, roll_failed="")
    return replace(instance, again=True, roll_failed="")


def _set_replicas(turn: Turn, process: Process, count: int, *, held: bool = False) -> None:
    """So many instances, numbered from 1; those with a higher number end."""
    if count:
        turn.do(_listen(process))
    _retire(turn, (i for i in turn.instances.values() if i.process.name == process.name and i.number > count))
    for number in range(1, count + 1):
        name = f"{process.name}.{number}"
        present = turn.instances.get(name)
        if present is None:
            turn.do(do.OpenLog(name, process.log))
            present = Instance(name=name, number=number, process=process, running=process, since=turn.now, held=held)
            turn.put(present)
            if not held:
                _want(turn, present)
        elif present.retiring and not present.outgoing:
            _want(turn, replace(present, retiring=False))


def _listen(process: Process) -> do.Listen:
    """Hold what can be handed over; a program that cannot take a listener binds it by itself."""
    return do.Listen(process.name, process.listeners if process.handoff else ())


def _want(turn: Turn, instance: Instance) -> None:
    """It shall run: at once, or when the life that is ending has ended."""
    again = instance.again or instance.phase in ENDING
    instance = replace(instance, wanted=True, held=False, again=again)
    if instance.phase is Phase.DONE and instance.process.kind is Kind.TASK:
        turn.put(instance)  # it has run; `apply` says whether it runs again
    else:
        turn.happen(instance, Happening.START)


def _retire(turn: Turn, instances: Iterable[Instance]) -> None:
    for instance in list(instances):
        turn.put(replace(instance, wanted=False, again=False, roll=False, retiring=True))


def _all_wanted(turn: Turn) -> list[Instance]:
    return [instance for instance in turn.instances.values() if instance.wanted]


def start(turn: Turn, command: Start) -> None:
    if (targets := _targets(turn, command.names, command.operation)) is None:
        return
    for instance in targets:
        again = instance.again or instance.phase in ENDING
        turn.happen(replace(instance, wanted=True, held=False, again=again), Happening.START)
        turn.record(instance, "start-asked", who=command.who)
    turn.do(do.Save())
    _await(turn, command.operation, Goal.RUNNING, targets)


def stop(turn: Turn, command: Stop) -> None:
    if (targets := _targets(turn, command.names, command.operation)) is None:
        return
    targets = _with_outgoing(turn, targets)
    for instance in targets:
        turn.put(replace(instance, wanted=False, held=True, again=False, roll=False))
        turn.record(instance, "stop-asked", who=command.who)
        if instance.phase is Phase.FAILED:
            turn.happen(turn.instances[instance.name], Happening.STOP)
    turn.do(do.Save())
    _await(turn, command.operation, Goal.AT_REST, targets)


def restart(turn: Turn, command: Restart) -> None:
    """What runs has a new life: rolled where that can be, else it ends first. What does not run starts."""
    if (targets := _targets(turn, command.names, command.operation)) is None:
        return
    for instance in targets:
        turn.record(instance, "restart-asked", who=command.who)
    _renew(turn, targets, command.operation)


def _renew(turn: Turn, targets: list[Instance], operation: int, *, said: tuple[str, ...] = ()) -> None:
    for instance in targets:
        _give_new_life(turn, replace(instance, wanted=True, held=False))
    turn.do(do.Save())
    _await(turn, operation, Goal.RUNNING, targets, next_life=True, said=said)


def _give_new_life(turn: Turn, instance: Instance) -> None:
    if instance.phase in ALIVE | ENDING:
        turn.put(renewed(instance))
    else:
        turn.happen(instance, Happening.RESTART)


def reload(turn: Turn, command: Reload) -> None:
    """What runs reads its code again, each in the gentlest way that it has. What a person stopped stays so."""
    if (targets := _targets(turn, command.names, command.operation)) is None:
        return
    if command.names and (stopped := [i for i in targets if not i.wanted]):
        text = tuple(f"{i.name}: is stopped, there is nothing to reload; start it" for i in stopped)
        turn.do(do.Reply(command.operation, done=False, text=text, code=ExitCode.NOT_SO))
        return
    targets = [instance for instance in targets if instance.wanted]
    renewed_ones = [instance for instance in targets if not reload_signal(instance)]
    for instance in targets:
        turn.record(instance, "reload-asked", {"by": way(instance)}, command.who)
        if signal := reload_signal(instance):
            turn.do(do.SendSignal(instance.name, instance.life, signal))
        else:
            _give_new_life(turn, instance)
    said = tuple(told(instance) for instance in targets)
    _await(turn, command.operation, Goal.RUNNING, renewed_ones, next_life=True, said=said)


def roll(turn: Turn, command: Roll) -> None:
    """As a restart, but what cannot be rolled is refused: the person has asked for no gap. Without names it is left."""
    if (targets := _targets(turn, command.names, command.operation)) is None:
        return
    problems = {instance.key: text for instance in targets if (text := _roll_problem(instance))}
    targets = [instance for instance in targets if instance.key not in problems]
    said = tuple(problems.values())
    if problems and (command.names or not targets):
        turn.do(do.Reply(command.operation, done=False, text=said, code=ExitCode.NOT_SO))
        return
    for instance in targets:
        turn.record(instance, "roll-asked", who=command.who)
    _renew(turn, targets, command.operation, said=said)


def _roll_problem(instance: Instance) -> str:
    process = instance.process
    if process.kind is Kind.TASK:
        return f"{instance.name}: cannot roll a task: it runs to its end; to run it again: start it"
    if process.singleton:
        return f"{instance.name}: cannot roll a singleton: two of it would be there at once; restart it"
    if process.max_surge < 1:
        return f"{instance.name}: cannot roll with MAX_SURGE 0: a new one may not start beside the old one; restart it"
    if not is_known_alone(process):
        return f'{instance.name}: cannot roll: the old one would answer for it; put "procession" into INSTALLED_APPS'
    if not can_roll(process):
        return f"{instance.name}: cannot roll: {process.backend} binds its address by itself, so restart it"
    return ""


def scale(turn: Turn, command: Scale) -> None:
    problems = [text for name, count in command.counts.items() if (text := _scale_problem(turn, name, count))]
    if problems:
        turn.do(do.Reply(command.operation, done=False, text=tuple(problems), code=ExitCode.USAGE))
        return
    touched: list[Instance] = []
    turn.model = replace(turn.model, scaled={**turn.model.scaled, **command.counts})
    for name, count in command.counts.items():
        process = turn.model.stack.process(name)
        assert process is not None, "_scale_problem has looked"
        turn.do(do.Record("scaled", name, detail={"replicas": count}, who=command.who))
        _set_replicas(turn, process, count)
        touched += [i for i in turn.instances.values() if i.process.name == name]
    turn.sort()
    turn.do(do.Save())
    _await(turn, command.operation, Goal.RUNNING, touched)


def _scale_problem(turn: Turn, name: str, count: int) -> str:
    process = turn.model.stack.process(name)
    if process is None:
        return _unknown(turn, name)
    if not 0 <= count <= REPLICAS_MAX:
        return f"{name}: cannot scale to {count}: from 0 to {REPLICAS_MAX}"
    if process.kind is Kind.TASK:
        return f"{name}: cannot scale a task"
    if process.singleton and count > 1:
        return f"{name}: cannot scale to {count}: it is a singleton, two of it would do everything twice"
    return ""


def down(turn: Turn, command: Down) -> None:
    turn.model = replace(turn.model, is_ending=True)
    turn.do(do.Record("down", who=command.who))
    for instance in list(turn.instances.values()):
        turn.put(replace(instance, wanted=False, again=False, roll=False))
    _await(turn, command.operation, Goal.AT_REST, list(turn.instances.values()))


def send(turn: Turn, command: Send) -> None:
    """To those named, each of which must run; without names to all that runs, a task included."""
    everything = list(turn.instances.values())
    targets = _targets(turn, command.names, command.operation) if command.names else everything
    if targets is None:
        return
    running = [instance for instance in targets if instance.pid and instance.phase not in AT_REST]
    targets = targets if command.names else running
    for instance in running:
        turn.do(do.SendSignal(instance.name, instance.life, command.signal))
        turn.record(instance, "signal-sent", {"signal": command.signal}, command.who)
    text = tuple(f"{i.name}: SIG{command.signal} sent to pid {i.pid}" for i in running)
    missing = tuple(f"{i.name}: {i.phase.value}, there is no process to signal" for i in targets if i not in running)
    turn.do(
        do.Reply(
            command.operation, done=not missing, text=text + missing, code=ExitCode.NOT_SO if missing else ExitCode.DONE
        )
    )


def resume(turn: Turn) -> None:
    for process in turn.model.stack.processes:
        if turn.model.replicas(process):
            turn.do(_listen(process))
    for instance in turn.instances.values():
        turn.do(do.OpenLog(instance.name, instance.process.log))
    for instance in list(turn.instances.values()):
        if instance.wanted and instance.phase is Phase.STOPPED:
            turn.happen(instance, Happening.START)


def _targets(turn: Turn, names: tuple[str, ...], operation: int) -> list[Instance] | None:
    """The instances that `names` mean, all for none; or None, and the operation is told which name means nothing."""
    if not names:
        return [i for i in turn.instances.values() if i.process.kind is not Kind.TASK and not i.outgoing]
    unknown = [name for name in names if not _matching(turn, name) and turn.model.stack.process(name) is None]
    if unknown:
        turn.do(
            do.Reply(operation, done=False, text=tuple(_unknown(turn, name) for name in unknown), code=ExitCode.USAGE)
        )
        return None
    return list({i.name: i for name in names for i in _matching(turn, name)}.values())


def _with_outgoing(turn: Turn, targets: list[Instance]) -> list[Instance]:
    """These, and the old lives that drain beside them."""
    names = {instance.name for instance in targets}
    return [instance for instance in turn.instances.values() if instance.name in names]


def _matching(turn: Turn, name: str) -> list[Instance]:
    return [i for i in turn.instances.values() if name in (i.name, i.process.name) and not (i.retiring or i.outgoing)]


def _unknown(turn: Turn, name: str) -> str:
    known = ", ".join(process.name for process in turn.model.stack.processes)
    return f"{name}: no such process or instance; there are: {known or 'none'}"


def _await(
    turn: Turn,
    operation: int,
    goal: Goal,
    targets: Iterable[Instance],
    *,
    next_life: bool = False,
    said: tuple[str, ...] = (),
) -> None:
    """Remember who is to be told when the goal is reached, and `said` if it is. For a restart, only a later life than
    the present counts.
    """
    if not operation:
        return
    lives = {i.key: i.life + 1 if next_life or i.again or i.roll else 0 for i in targets}
    operations = (*turn.model.operations, Operation(operation, goal, lives, turn.now, said))
    turn.model = replace(turn.model, operations=operations)
