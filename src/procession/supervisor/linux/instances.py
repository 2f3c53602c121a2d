"""The lives of instances, as processes: spawn, exec or fail, signals, death, and what is left of their trees."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from fcntl import ioctl
from functools import partial
from sys import byteorder
from termios import FIONREAD

from procession.fifo import open_fifo
from procession.loop import Loop
from procession.stack.model import Process
from procession.supervisor.core.events import (
    Died,
    Execed,
    News,
    NotHeld,
    Spawned,
    SpawnFailed,
    Survived,
    Told,
    TreeGone,
)
from procession.supervisor.linux import heartbeats, kernel, multiprocess, procfs
from procession.supervisor.linux.abort import Abort
from procession.supervisor.linux.cgroups import Groups
from procession.supervisor.linux.children import Children
from procession.supervisor.linux.group import Group
from procession.supervisor.linux.listeners import Listeners
from procession.supervisor.linux.memory import Memory
from procession.supervisor.linux.procfs import Mark
from procession.supervisor.linux.signals import signal_number
from procession.supervisor.linux.spawn import END_OF_WAIT, Launch, launch, read_report
from procession.supervisor.linux.terminals import Terminals, make_terminal
from procession.supervisor.linux.trees import SURVIVES_SECONDS, Kill, Tree, members

UNREAD_SECONDS = 1.0  # between two looks at whether the recorder has read what an instance left
STOPS = frozenset({signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})


@dataclass(slots=True)
class Life:
    """One life of an instance. `report` is the fd on which it says that it could not exec; -1 once that is known."""

    name: str
    number: int
    process: Process
    pid: int
    pidfd: int
    start_ticks: int
    is_own: bool
    group: Group | None = None
    report: int = -1
    is_dead: bool = False


class Instances:
    """`tell(event)` hears what happens. `notify` is the address that programs may speak to, `heartbeats` the folder of
    the files that they may touch.
    """

    __slots__ = (
        "_aborts", "_children", "_directory", "_fifos", "_kills", "_listeners", "_lives", "_loop", "_memory", "_tell",
        "_terminals", "by_pid", "groups", "heartbeats", "not_held", "notify",
    )  # fmt: skip

    def __init__(
        self,
        directory: str,
        loop: Loop,
        children: Children,
        listeners: Listeners,
        terminals: Terminals,
        tell: Callable[[News], object],
    ) -> None:
        self._directory = directory
        self._loop = loop
        self._children = children
        self._listeners = listeners
        self._terminals = terminals
        self._tell = tell
        self._memory = Memory(loop, tell)
        self.groups = Groups(directory, loop)
        self.not_held: dict[str, tuple[str, ...]] = {}  # by process: what of its limits nothing holds it to
        self._lives: dict[int, Life] = {}  # by number, until nothing is left of it
        self._aborts: dict[int, Abort] = {}
        self._kills: dict[int, Kill] = {}  # by the number of the life
        self._fifos: dict[str, int] = {}
        self.by_pid: dict[int, Life] = {}  # of those whose main process lives
        self.notify = ""
        self.heartbeats = ""

    def spawn(self, name: str, number: int, process: Process) -> None:
        """Start a life. Tells Spawned and then Execed, or SpawnFailed."""
        group = self.groups.make(name, number, process)
        terminal: tuple[int, ...] = ()
        try:
            fds = self._listeners.fds(process.name) if process.handoff else []
            self.hold_fifo(name)
            terminal = make_terminal() if process.tty else ()
            work = replace(self._launch(name, number, process, fds), group=group, terminal=terminal or None)
            pid, report = launch(work)
            if terminal:
                self._terminals.hold(name, number, pid, terminal[0])
        except OSError as error:
            if group is not None:
                self.groups.remove(group)
            self._tell(SpawnFailed(name, number, _refused(error)))
            return
        finally:
            for fd in terminal:
                os.close(fd)
        self._begin(Life(name, number, process, pid, -1, 0, is_own=True, group=group, report=report))

    def run(self, name: str, number: int, process: Process, command: tuple[str, ...]) -> tuple[int, int]:
        """Start a command as the instance would, its output to nowhere; pid and report fd. Raises OSError."""
        life = self._lives.get(number)
        work = self._launch(name, number, process, [])
        main, group = (life.pid, life.group) if life else (0, None)
        return launch(replace(work, fifo=os.devnull, argv=command, main=main, group=group))

    def adopt(self, name: str, number: int, process: Process, pid: int, start_ticks: int) -> None:
        """Take over a life that an earlier supervisor started. Raises OSError when it is no more."""
        life = Life(name, number, process, pid, -1, start_ticks, is_own=False)
        life.pidfd = self._children.adopt(pid, start_ticks, lambda status: self._died(life, status))
        life.is_own = self._children.is_own(pid)  # after an upgrade: we have been its parent all the time
        life.group = self.groups.find(pid, name, number)
        self._lives[number] = self.by_pid[pid] = life
        self._see_limits(life)
        self.hold_fifo(name)
        if process.tty:
            self._terminals.adopt(name, number, pid)

    def send(self, number: int, signal_name: str) -> None:
        """A signal to the main process, and CONT after it; gone already: nothing happens."""
        life = self._lives.get(number)
        if life is None or life.is_dead:
            return
        wanted = signal_number(signal_name)
        _send(life, wanted)
        if wanted not in STOPS:
            # Stopped, it gets no SIGTERM until continued (glibc manual, Job Control Signals).
            _send(life, signal.SIGCONT)

    def abort(self, number: int) -> None:
        """Ask the whole tree for its tracebacks; what that ended, and the death of the main process, is told as any."""
        life = self._lives.get(number)
        main = procfs.read_stat(life.pid) if life and not life.is_dead else None
        if life is None or main is None or number in self._aborts:
            return
        _know_start(life)
        find = partial(members, self._tree(life), self._children)
        abort = Abort(find, self._loop, main=main, has_core=life.process.limits.core_bytes > 0)
        self._aborts[number] = abort
        abort.begin()

    def kill(self, number: int) -> None:
        """SIGKILL to the whole tree. Its death is told as any; Survived, if the main process does not die of it."""
        life = self._lives.get(number)
        if life is None or life.is_dead:
            return
        self._end_abort(number)
        _kill_at_once(life)
        _send(life, signal.SIGKILL)
        name_of_main = f"{life.pid} (main process)"
        self._loop.call_after(SURVIVES_SECONDS, ("kill", life.pidfd), lambda: self._survived(life, (name_of_main,)))
        self._begin_kill(life, on_gone=lambda: None)

    def kill_all(self) -> None:
        """Somebody is in a hurry."""
        for life in list(self._lives.values()):
            self.kill(life.number)

    def sweep(self, name: str, number: int) -> None:
        """Kill what is left of the tree of a dead main process. Tells TreeGone, or Survived."""
        life = self._lives.get(number)
        if life is None:
            self._tell(TreeGone(name, number))  # it never came to be
            return
        _kill_at_once(life)
        self._begin_kill(life, on_gone=lambda: self._gone(life))

    def forget(self, name: str) -> None:
        """The instance is no more. Its FIFO stays, for the next of that name; we let go of it once it has been read."""
        fd = self._fifos.get(name)
        if fd is None or any(life.name == name for life in self._lives.values()):
            return
        if _count_unread(fd):
            self._loop.call_after(UNREAD_SECONDS, ("fifo", name), lambda: self.forget(name))
        else:
            os.close(self._fifos.pop(name))

    def hold_fifo(self, name: str) -> None:
        """Make the FIFO and hold it open: what is in it outlives its writer and its reader. Raises OSError."""
        self._loop.cancel(("fifo", name))
        if name not in self._fifos:
            self._fifos[name] = open_fifo(self._fifo(name))

    def living(self) -> list[Life]:
        """The lives whose main process is there, with their start times known."""
        lives = [life for life in self._lives.values() if not life.is_dead]
        for life in lives:
            _know_start(life)
        return lives

    def _launch(self, name: str, number: int, process: Process, fds: list[int]) -> Launch:
        return Launch(
            name=name, life=number, process=process, fifo=self._fifo(name), stack_directory=self._directory,
            notify=self.notify, heartbeats=self.heartbeats, listeners=fds,
        )  # fmt: skip

    def _begin(self, life: Life) -> None:
        self._children.add(life.pid, lambda status: self._died(life, status))
        self._lives[life.number] = self.by_pid[life.pid] = life
        try:
            life.pidfd = os.pidfd_open(life.pid)
            self._loop.watch(life.report, lambda: self._hear(life))
        except OSError as error:  # no fd left to see it by
            os.kill(life.pid, signal.SIGKILL)
            self._fail(life, _refused(error))
            return
        self._tell(Spawned(life.name, life.number, life.pid))
        self._see_limits(life)

    def _see_limits(self, life: Life) -> None:
        """Have its limits kept; what cannot be is told once for a process."""
        self._memory.watch(life.name, life.number, life.process, life.pid, life.group)
        not_held = self.groups.not_held(life.process, life.group)
        if not_held != self.not_held.get(life.process.name, ()):
            self.not_held[life.process.name] = not_held
            if not_held:
                self._tell(NotHeld(life.name, life.number, not_held))

    def _hear(self, life: Life) -> None:
        """Whether it has exec'd, or waits for its lock."""
        report = read_report(life.report)
        *waits, text = (report or "").split(END_OF_WAIT)
        for why in waits:
            self._tell(Told(life.name, life.number, status=why, standby=bool(why)))
        if text:
            self._fail(life, text)
        elif report == "":
            self._close_report(life)
            self._tell(Execed(life.name, life.number))

    def _fail(self, life: Life, why: str) -> None:
        self._close_report(life)
        life.is_dead = True  # its own end, which follows, is nobody's news
        self._tell(SpawnFailed(life.name, life.number, why))

    def _close_report(self, life: Life) -> None:
        if life.report >= 0:
            self._loop.forget(life.report)
            os.close(life.report)
            life.report = -1

    def _died(self, life: Life, status: int | None) -> None:
        if life.report >= 0:
            self._hear(life)
        self.by_pid.pop(life.pid, None)
        self._loop.cancel(("kill", life.pidfd))
        if life.is_dead:
            return
        _know_start(life)
        life.is_dead = True
        self._end_abort(life.number)
        killer = self._memory.killer(life.name, life.number, status)
        self._memory.forget(life.number)
        self._tell(Died(life.name, life.number, status, killer))

    def _begin_kill(self, life: Life, on_gone: Callable[[], object]) -> None:
        earlier = self._kills.pop(life.number, None)
        if earlier is not None:
            earlier.end()
        if not life.is_dead:
            _know_start(life)
        kill = Kill(
            partial(members, self._tree(life), self._children, life.group), self._loop,
            on_gone=on_gone, on_survived=lambda names: self._survived(life, names),
        )  # fmt: skip
        self._kills[life.number] = kill
        kill.begin()

    def _end_abort(self, number: int) -> None:
        abort = self._aborts.pop(number, None)
        if abort is not None:
            abort.end()

    def _tree(self, life: Life) -> Tree:
        """Its start time is known."""
        mark = Mark(self._directory, life.name, life.number, life.pid)
        return Tree(mark, life.pid, life.start_ticks, life.is_own)

    def _gone(self, life: Life) -> None:
        self._close(life)
        self._terminals.end(life.number, lambda: self._tell(TreeGone(life.name, life.number)))

    def _survived(self, life: Life, names: tuple[str, ...]) -> None:
        if life.is_dead:
            self._close(life)
        self._tell(Survived(life.name, life.number, names))

    def _close(self, life: Life) -> None:
        self._kills.pop(life.number, None)
        self._lives.pop(life.number, None)
        if heartbeats.has_heartbeat(life.process):
            heartbeats.forget(heartbeats.path_of(self.heartbeats, life.name, life.number))
        if life.process.prometheus:
            multiprocess.bury_all(self._directory)
        self._memory.forget(life.number)
        if life.group is not None:
            self.groups.remove(life.group)
        if life.pidfd >= 0:
            os.close(life.pidfd)
            life.pidfd = -1

    def _fifo(self, name: str) -> str:
        return os.path.join(self._directory, "fifo", name)


def _kill_at_once(life: Life) -> None:
    """What the kernel kills in one step. `trees` kills all that belongs to it one by one, too."""
    if life.group is not None:
        life.group.kill()
    if life.pidfd >= 0:
        kernel.kill_group(life.pidfd)


def _know_start(life: Life) -> None:
    """Read its start time, once. Only for our children before they are reaped: then the number is still theirs."""
    if not life.start_ticks:
        stat = procfs.read_stat(life.pid)
        life.start_ticks = stat.start_ticks if stat else 0


def _send(life: Life, number: signal.Signals) -> None:
    try:
        kernel.send_signal(life.pidfd, number)
    except PermissionError:
        pass  # it became another user's; at the end of its ladder it is named as what could not be killed


def _count_unread(fd: int) -> int:
    """Bytes in a pipe (FIONREAD, pipe(7))."""
    return int.from_bytes(ioctl(fd, FIONREAD, bytes(4)), byteorder)


def _refused(error: OSError) -> str:
    """`cannot start a process: Too many open files`; what a listener could not do says itself what it was."""
    if error.errno is None:
        return str(error)
    where = f" ({error.filename})" if error.filename else ""
    return f"cannot start a process: {error.strerror}{where}"
