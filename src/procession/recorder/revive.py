"""Watches the supervisor, and starts it again when it dies without having said that it goes."""

from __future__ import annotations

import os
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from procession.loop import Loop

KEY = "revive"
LONG_LIFE_SECONDS = 10.0  # a supervisor that lived that long did not die of its start
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 60.0


class Program:
    """How the supervisor is started. `umask` is its own, not the recorder's: its instances take it over."""

    __slots__ = ("argv", "directory", "environment", "umask")

    def __init__(self, argv: list[str], environment: dict[str, str], directory: str, umask: int) -> None:
        self.argv = argv
        self.environment = environment
        self.directory = directory
        self.umask = umask


class Reviver:
    """`on_revived(old pid, new pid)` hears of every start, `on_gone()` of a death that is not to be undone.

    `kept_fd` is open for each that we start, under the same number; -1: there is none.
    """

    __slots__ = ("_deaths", "_kept_fd", "_loop", "_pid", "_program", "_since", "is_leaving", "on_gone", "on_revived")

    def __init__(self, loop: Loop, kept_fd: int = -1) -> None:
        self._loop = loop
        self._kept_fd = kept_fd
        self._pid = 0
        self._program: Program | None = None
        self._since = 0.0
        self._deaths = 0
        self.is_leaving = False
        self.on_revived: Callable[[int, int], None]
        self.on_gone: Callable[[], None]

    @property
    def is_watching(self) -> bool:
        """Whether there is a supervisor, or one is being started again."""
        return self._program is not None

    def watch(self, pid: int, program: Program) -> None:
        """This is the supervisor from now on. Dead already: it is started again. Raises OSError without free fds."""
        self._program = program
        self._loop.cancel(KEY)
        if pid != self._pid:
            self._follow(pid)

    def unwatch(self) -> None:
        """The supervisor goes, or comes back, by itself."""
        self._program = None
        self._pid = 0
        self._loop.cancel(KEY)

    def _follow(self, pid: int) -> None:
        self._pid = pid
        self._since = monotonic()
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._died(pid)
            return
        self._loop.watch(pidfd, lambda: self._ended(pid, pidfd))

    def _ended(self, pid: int, pidfd: int) -> None:
        self._loop.forget(pidfd)
        os.close(pidfd)
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass  # not started by us
        if pid == self._pid:
            self._died(pid)

    def _died(self, pid: int) -> None:
        if self._program is None or self.is_leaving:
            self._program = None
            self.on_gone()
            return
        if monotonic() - self._since >= LONG_LIFE_SECONDS:
            self._deaths = 0
        self._deaths += 1
        self._loop.call_after(self._wait_seconds(), KEY, lambda: self._start(pid))

    def _wait_seconds(self) -> float:
        """None after the first death, then doubling."""
        return min(FIRST_WAIT_SECONDS * 2.0 ** (self._deaths - 2), LONGEST_WAIT_SECONDS) if self._deaths > 1 else 0.0

    def _start(self, old_pid: int) -> None:
        if self._program is None:
            return
        try:
            pid = _spawn(self._program, self._kept_fd)
        except OSError:
            self._died(old_pid)  # no memory, no processes: later
            return
        self.on_revived(old_pid, pid)
        self._follow(pid)


def _spawn(program: Program, kept_fd: int) -> int:
    """Start it in a session of its own, with our stdout and stderr; its pid. It exits with 127 if it cannot be run."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if kept_fd >= 0:
            os.set_inheritable(kept_fd, True)
        os.chdir(program.directory)
        os.umask(program.umask)
        os.execvpe(program.argv[0], program.argv, program.environment)
    finally:
        os._exit(127)
