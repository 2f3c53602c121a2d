"""The holders of terminals: one for each living instance whose process says TTY (see `procession.terminal`).

An instance has both sides of its terminal open, the holder has the master. So a holder that dies is started again with
the master out of the instance (pidfd_getfd(2)), as a new supervisor does for one that died while it was not there.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from fcntl import ioctl
from struct import pack
from termios import TIOCSWINSZ

from procession.control.wire import TERMINALS_NAME
from procession.loop import Loop
from procession.supervisor.linux import kernel, procfs, sibling
from procession.supervisor.linux.children import Children

TIOCGPTN = 0x80045430  # the number of a master's /dev/pts/N (ioctl_tty(2))
ROWS, COLUMNS = 24, 80  # until somebody attaches who has a window
FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 30.0
LAST_WORDS_SECONDS = 2.0  # for which a holder may pass on what a dead instance has said last


@dataclass(slots=True)
class Held:
    """One life's terminal. `pid` is its holder's; 0: it has none now."""

    name: str
    life: int
    main: int
    pid: int = 0
    pidfd: int = -1  # of one that is not our child
    deaths: int = 0
    on_gone: Callable[[], object] | None = field(default=None)  # the instance is dead: who waits for the holder's end

    @property
    def key(self) -> tuple[str, int]:
        """Of its deadlines."""
        return ("terminal", self.life)


class Terminals:
    """`note(text)` takes a line for the supervisor's own log."""

    __slots__ = ("_children", "_directory", "_held", "_loop", "_note")

    def __init__(self, directory: str, loop: Loop, children: Children, note: Callable[[str], object]) -> None:
        self._directory = directory
        self._loop = loop
        self._children = children
        self._note = note
        self._held: dict[int, Held] = {}  # by the number of the life

    def hold(self, name: str, life: int, main: int, master: int) -> None:
        """Start the holder of a new life's terminal. `master` stays the caller's to close."""
        self._held[life] = held = Held(name, life, main)
        self._start(held, master)

    def adopt(self, name: str, life: int, main: int) -> None:
        """Take over the holder of a life that an earlier supervisor started; it is dead: start another."""
        self._held[life] = held = Held(name, life, main)
        if not self._take_over(held):
            self._start_again(held)

    def end(self, life: int, then: Callable[[], object]) -> None:
        """Nothing of the instance is left: go on when its holder has passed its last words on. Then it ends itself."""
        held = self._held.get(life)
        if held is None or not held.pid:
            self._forget(life)
            then()
            return
        held.on_gone = then
        self._loop.call_after(LAST_WORDS_SECONDS, held.key, lambda: _kill(held))

    def _start(self, held: Held, master: int) -> None:
        try:
            held.pid = sibling.start(self._argv(held), {0: master})
        except OSError:
            self._start_later(held)  # no room for one more process
            return
        self._children.add(held.pid, lambda status: self._ended(held, status))

    def _ended(self, held: Held, status: int | None) -> None:
        if held.pidfd >= 0:
            os.close(held.pidfd)
        held.pid, held.pidfd = 0, -1
        self._loop.cancel(held.key)
        if held.on_gone is not None:
            self._forget(held.life)
            held.on_gone()
        elif status != 0:  # with 0 it says that nobody has the terminal open any more
            self._start_later(held)

    def _start_later(self, held: Held) -> None:
        wait_seconds = min(FIRST_WAIT_SECONDS * 2.0**held.deaths, LONGEST_WAIT_SECONDS)
        held.deaths += 1
        self._loop.call_after(wait_seconds, held.key, lambda: self._start_again(held))

    def _start_again(self, held: Held) -> None:
        try:
            master = take_master(held.main)
        except OSError as error:
            main = procfs.read_stat(held.main)
            if main is not None and not main.is_dead:
                self._note(
                    f"{held.name}: nobody reads its terminal, and it cannot be taken over ({error.strerror}): once the "
                    f"terminal is full, the instance waits; to mend it: procession restart {held.name}"
                )
            return
        self._start(held, master)
        os.close(master)

    def _take_over(self, held: Held) -> bool:
        """Whether there is a holder: it is known by what it was started with."""
        argv = self._argv(held)
        for pid in procfs.all_pids():
            if procfs.read_argv(pid)[4:] != argv[4:] or procfs.read_owner(pid) != os.geteuid():
                continue
            stat = procfs.read_stat(pid)
            try:
                pidfd = self._children.adopt(
                    pid, stat.start_ticks if stat else 0, lambda status: self._ended(held, status)
                )
            except OSError:
                continue
            held.pid, held.pidfd = pid, pidfd
            return True
        return False

    def _forget(self, life: int) -> None:
        held = self._held.pop(life, None)
        if held is not None:
            self._loop.cancel(held.key)
            _remove(os.path.join(self._directory, TERMINALS_NAME, f"{held.name}.{held.life}"))  # of one that was killed

    def _argv(self, held: Held) -> list[str]:
        words = ("--directory", self._directory, "--instance", held.name, "--life", str(held.life))
        return sibling.argv_of("terminal", *words)


def make_terminal() -> tuple[int, int]:
    """A new terminal (openpty(3)): the fds of its master, and of its slave side, which is the program's.

    Raises OSError where there are no terminals, or no more of them.
    """
    try:
        master, slave = os.openpty()
    except OSError as error:
        raise OSError(error.errno, f"no terminal for it: {error.strerror}") from error
    ioctl(slave, TIOCSWINSZ, pack("HHHH", ROWS, COLUMNS, 0, 0))
    return master, slave


def take_master(pid: int) -> int:
    """A duplicate of the master of this process's controlling terminal, which it has open itself. Raises OSError."""
    stat = procfs.read_stat(pid)
    if stat is None or not stat.terminal:
        raise ProcessLookupError(0, "it has no terminal any more")
    trouble: OSError = FileNotFoundError(0, "it has closed the fd that it was given for that")
    pidfd = os.pidfd_open(pid)
    try:
        for fd in _masters(pid):
            try:
                master = kernel.take_fd(pidfd, fd)
            except OSError as error:
                trouble = error
                continue
            if _number(master) == os.minor(stat.terminal):
                return master
            os.close(master)
    finally:
        os.close(pidfd)
    raise trouble


def _kill(held: Held) -> None:
    """SIGKILL to the holder. Our own child's number is its own until it is reaped, of which we would have heard."""
    if held.pidfd >= 0:
        kernel.send_signal(held.pidfd, signal.SIGKILL)
    else:
        os.kill(held.pid, signal.SIGKILL)


def _masters(pid: int) -> list[int]:
    """The fds of a process that are masters of some terminal. Raises OSError."""
    folder = f"/proc/{pid}/fd"
    return [int(name) for name in os.listdir(folder) if _link(f"{folder}/{name}").endswith("/ptmx")]


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""  # closed meanwhile


def _number(master: int) -> int:
    return int.from_bytes(ioctl(master, TIOCGPTN, bytes(4)), "little")


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
