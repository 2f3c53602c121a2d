"""How a supervisor begins: from nothing, with a stack it is given, or where an earlier one was cut off.

A supervisor that ends in order leaves no state behind. So where there is state of this boot, or an instance that lives,
the last one was cut off: what lives is adopted, what is left of the trees of dead main processes is killed, and only
then is started what is wanted and not there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from signal import SIGCONT, SIGTERM
from time import monotonic

import procession
from procession.control import wire
from procession.control.wire import Message
from procession.owner import find_owner
from procession.refusal import Refusal
from procession.stack.codec import from_data
from procession.stack.model import ProbeType, Stack
from procession.supervisor.core.actions import Record
from procession.supervisor.core.events import Adopted, Apply, Resume
from procession.supervisor.core.memory import recall
from procession.supervisor.core.turn import ASKED
from procession.supervisor.linux import kernel, multiprocess, procfs, rundir, systemd
from procession.supervisor.linux.group import Group
from procession.supervisor.linux.procfs import Mark
from procession.supervisor.linux.state import Found, Survey, digest, survey, why_of_no_use
from procession.supervisor.linux.supervisor import OWN_OPERATION, Supervisor
from procession.supervisor.linux.trees import Kill, Tree, members

UNWANTED_SECONDS = 30.0  # that an instance which is declared no more gets after SIGTERM, until SIGKILL


def begin(supervisor: Supervisor, given: Stack | None, argv: list[str], *, by_a_person: bool) -> None:
    """Take over what is there; else run `given`; without either, wait to be told. `argv` starts us again if we die.

    A `down` that was cut off goes on, unless a person starts us: that is the newer wish.

    Raises Refusal when what is there cannot be taken over.
    """
    systemd.begin_watchdog(supervisor.loop)
    supervisor.recorder.begin()
    supervisor.recorder.note(f"supervisor started, pid {os.getpid()}")
    if os.getpid() != 1 and not os.environ.get("NOTIFY_SOCKET"):  # else a container's runtime or systemd sees to it
        supervisor.recorder.ask_for_revival(argv)
    state, trouble = rundir.read_json(os.path.join(supervisor.directory, wire.STATE_NAME))
    if state is not None and (of_no_use := why_of_no_use(state)):
        supervisor.recorder.note(f"what people had scaled and stopped is forgotten: {of_no_use}")
        state = None
    if trouble:
        supervisor.recorder.note(trouble)
    if by_a_person:
        state = _with_another_wish(state)
    found = survey(supervisor.directory, state or {}, _owners(supervisor, given))
    multiprocess.begin(supervisor.directory, is_anybody_there=bool(found.living))
    was_cut_off = bool(found.living) or (given is None and (state is not None or bool(trouble)))
    stack = given or (_last_stack(supervisor) if was_cut_off else None)
    if was_cut_off:
        _resume(supervisor, stack, state or {}, found)
    else:
        _kill_leftovers(supervisor, found, lambda: _run(supervisor, given))


def _with_another_wish(state: Message | None) -> Message | None:
    memory = state.get("memory") if state else None
    return {**state, "memory": {**memory, "ending": False}} if state and isinstance(memory, dict) else state


def note_upgrade(supervisor: Supervisor, before: str) -> None:
    """We became this version in the place of `before`: so does the recorder, and it is kept in the history."""
    detail = {"from": before, "to": procession.__version__}
    supervisor.recorder.keep(Record("upgraded", pid=os.getpid(), detail=detail))
    supervisor.recorder.note(f"upgraded from procession {before} to {procession.__version__}")
    supervisor.recorder.renew()
    supervisor.children.reap()  # who died while nobody listened


def _owners(supervisor: Supervisor, given: Stack | None) -> set[int]:
    """The user ids that our instances run as: our own, and what USER says, now and when the last supervisor ran."""
    last, _ = rundir.read_json(os.path.join(supervisor.directory, rundir.STACK_NAME))
    processes = last.get("processes") if last else None
    users = {process.user for process in given.processes} if given else set()
    if isinstance(processes, list):
        users |= {str(process.get("user", "")) for process in processes if isinstance(process, dict)}
    owners = {os.geteuid()}
    for user in users - {""}:
        try:
            owners.add(find_owner(user, "").uid)
        except LookupError:
            continue  # who is not there runs nothing
    return owners


def _run(supervisor: Supervisor, given: Stack | None) -> None:
    if given is not None:
        supervisor.tell(Apply(given, OWN_OPERATION, who="start"))


def _resume(supervisor: Supervisor, stack: Stack | None, state: Mapping[str, object], found: Survey) -> None:
    """Go on where the last one was cut off. Nobody knows what should run: the first `apply` adopts, before all else."""
    if stack is None:
        supervisor.recorder.note("what should run is not known; it waits for: procession up")
        supervisor.before_apply = lambda declared: _take_over(supervisor, declared, state, found)
        _kill_leftovers(supervisor, found, lambda: None)
        return
    _take_over(supervisor, stack, state, found)
    _kill_leftovers(supervisor, found, lambda: supervisor.tell(Resume()))
    systemd.notify({"READY": "1", "STATUS": f"took over {len(found.living)} instances"})


def _take_over(supervisor: Supervisor, stack: Stack, state: Mapping[str, object], found: Survey) -> None:
    supervisor.sort_inherited(stack)
    memory = state.get("memory")
    model = recall(stack, memory if isinstance(memory, dict) else {})
    known_lives = (model.lives, *(one.life for one in found.living), *(mark.life for mark in found.leftovers))
    # No life that is there may be given out again; what is remembered may be older than they are, or lost.
    supervisor.model = replace(model, lives=max(known_lives))
    for process in stack.processes:
        supervisor.listeners.declare(process.name, process.listeners if process.handoff else ())
    for name, instance in supervisor.model.instances.items():
        supervisor.recorder.open(name, instance.process.log)
    newest = {one.name: one.life for one in found.living}
    for one in found.living:
        if one.name in supervisor.model.instances:
            _adopt(supervisor, one, outgoing=one.life < newest[one.name])
        else:
            _end_unwanted(supervisor, one)


def _adopt(supervisor: Supervisor, found: Found, *, outgoing: bool) -> None:
    process = supervisor.model.instances[found.name].process
    try:
        supervisor.instances.adopt(found.name, found.life, process, found.pid, found.start_ticks)
    except ProcessLookupError:
        return  # it has just died
    except OSError as error:
        raise _not_taken_over(found, error) from error
    if process.handoff:
        _take_listeners(supervisor, process.name)
    was_ready = process.readiness.type is ProbeType.NONE or found.was_ready is not False
    if found.was_ready is None and process.readiness.type in ASKED:
        was_ready = False  # the answer will come
    is_stale = found.digest not in (0, digest(process)) or procfs.writes_into_nothing(found.pid)
    age_seconds, restarts = found.age_seconds, found.restarts
    supervisor.tell(Adopted(found.name, found.life, found.pid, was_ready, age_seconds, restarts, is_stale, outgoing))


def _not_taken_over(found: Found, error: OSError) -> Refusal:
    """To begin without it would be to start a second one beside it."""
    return Refusal(
        f"cannot take over {found.name}, pid {found.pid}, which goes on running: {error.strerror}",
        "make room for it (see ulimit -n), then: procession up",
    )


def _take_listeners(supervisor: Supervisor, process: str) -> None:
    """While the instance lives, so that its port stays open when it dies."""
    try:
        supervisor.listeners.fds(process)
    except OSError as error:
        supervisor.recorder.note(f"{process}: {error}")


def _end_unwanted(supervisor: Supervisor, found: Found) -> None:
    """An instance of a process that is declared no more, on its way out when the supervisor died: see that it goes."""
    mark = Mark(supervisor.directory, found.name, found.life, found.pid)
    tree = Tree(mark, found.pid, found.start_ticks, is_own=False)
    deadline = ("unwanted", found.pid)

    def gone(_status: int | None) -> None:
        os.close(pidfd)
        supervisor.loop.cancel(deadline)
        _kill(supervisor, tree, lambda: None)

    try:
        pidfd = supervisor.children.adopt(found.pid, found.start_ticks, gone)
    except ProcessLookupError:
        return
    except OSError as error:
        raise _not_taken_over(found, error) from error
    kernel.send_signal(pidfd, SIGTERM)
    kernel.send_signal(pidfd, SIGCONT)
    supervisor.recorder.note(f"{found.name}: is declared no more; SIGTERM sent to pid {found.pid}")
    supervisor.loop.call_at(monotonic() + UNWANTED_SECONDS, deadline, lambda: kernel.kill_group(pidfd))


def _kill_leftovers(supervisor: Supervisor, found: Survey, then: Callable[[], object]) -> None:
    """Kill what is left of trees whose main process died while nobody looked; then go on."""
    groups = supervisor.instances.groups.leftovers(keep={f"{one.name}-{one.life}" for one in found.living})
    waiting: set[Mark | Group] = {*found.leftovers, *groups}

    def done(leftover: Mark | Group) -> None:
        waiting.discard(leftover)
        if isinstance(leftover, Group):
            supervisor.instances.groups.remove(leftover)
        if not waiting:
            then()

    for group in groups:
        group.kill()
        _kill_found(supervisor, os.path.basename(group.path), group.members, partial(done, group))
    for mark in found.leftovers:
        supervisor.recorder.note(f"{mark.instance}: killing what a dead main process (pid {mark.main}) left behind")
        _kill(supervisor, Tree(mark, mark.main, 0, is_own=False), partial(done, mark))
    if not groups and not found.leftovers:
        then()


def _kill(supervisor: Supervisor, tree: Tree, then: Callable[[], object]) -> None:
    _kill_found(supervisor, tree.mark.instance, partial(members, tree, supervisor.children), then)


def _kill_found(
    supervisor: Supervisor, whose: str, find: Callable[[], Iterator[procfs.Stat]], then: Callable[[], object]
) -> None:
    def survived(names: tuple[str, ...]) -> None:
        supervisor.recorder.note(f"{whose}: could not be killed: {', '.join(names)}")
        then()

    Kill(find, supervisor.loop, on_gone=then, on_survived=survived).begin()


def _last_stack(supervisor: Supervisor) -> Stack | None:
    data, trouble = rundir.read_json(os.path.join(supervisor.directory, rundir.STACK_NAME))
    if data is None:
        supervisor.recorder.note(trouble or "stack.json is gone")
        return None
    try:
        return from_data(Stack, data)
    except (TypeError, ValueError) as error:
        supervisor.recorder.note(f"stack.json: {error}")
        return None
