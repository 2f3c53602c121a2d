"""Who ended, and how: our own children, those of an earlier supervisor, and orphans that nobody else reaps.

An own child is announced by SIGCHLD; its number stays its own until we reap it. A process that an earlier supervisor
started is nobody's child that we could wait for: a pidfd in the loop tells when it ends. Orphans of our instances
become our children (we are a subreaper), and are reaped without anybody being told.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from procession.loop import HUNG_UP, Loop
from procession.supervisor.linux import kernel, procfs

STATUS_WAIT_SECONDS = 0.2  # for the parent of an adopted process to reap it: only then the kernel tells how it ended

OnEnd = Callable[[int | None], object]  # is told the exit code, or minus the signal; None: nobody can know


class Children:
    __slots__ = ("_loop", "_own")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._own: dict[int, OnEnd] = {}

    def add(self, pid: int, on_end: OnEnd) -> None:
        """Tell when this child of ours ends."""
        self._own[pid] = on_end

    def adopt(self, pid: int, start_ticks: int, on_end: OnEnd) -> int:
        """Tell when this process ends, which need not be our child; its pidfd, which stays open until then.

        A child of ours that is dead and not reaped yet is told of, too: it died while we became another program.
        Raises ProcessLookupError when it is no more, or its number is another's by now, and OSError.
        """
        pidfd = os.pidfd_open(pid)
        stat = procfs.read_stat(pid)  # after the pidfd is open: from now on the number cannot change hands unseen
        is_there = stat is not None and stat.start_ticks == start_ticks
        if stat is None or not is_there or (stat.is_dead and stat.parent != os.getpid()):
            os.close(pidfd)
            raise ProcessLookupError(f"{pid} is not what it was")
        if stat.parent == os.getpid():
            self._own[pid] = on_end
        else:
            self._loop.watch(pidfd, lambda: self._adopted_ended(pidfd, on_end))
        return pidfd

    def reap(self) -> None:
        """Reap all that has ended; to be called on each SIGCHLD (one signal may stand for many deaths, signal(7))."""
        while (ended := _peek()) is not None:
            pid, status = ended
            on_end = self._own.pop(pid, None)
            if on_end is not None:
                on_end(status)  # before it is reaped: its number, group and session are still its own
            os.waitpid(pid, 0)

    def is_own(self, pid: int) -> bool:
        """Whether this child of ours was announced."""
        return pid in self._own

    def strangers(self) -> list[int]:
        """The pids of our children that nobody announced: orphans of our instances."""
        return [pid for pid in procfs.own_children() if pid not in self._own]

    def _adopted_ended(self, pidfd: int, on_end: OnEnd) -> None:
        if kernel.exit_status(pidfd) is not None:
            self._end_adopted(pidfd, on_end)
        elif not self._loop.has_deadline(("status", pidfd)):
            self._loop.change(pidfd, lambda: self._end_adopted(pidfd, on_end), HUNG_UP)
            self._loop.call_after(STATUS_WAIT_SECONDS, ("status", pidfd), lambda: self._end_adopted(pidfd, on_end))

    def _end_adopted(self, pidfd: int, on_end: OnEnd) -> None:
        self._loop.cancel(("status", pidfd))
        self._loop.forget(pidfd)
        on_end(kernel.exit_status(pidfd))


def _peek() -> tuple[int, int] | None:
    """A child that has ended, left as it is, and its status; None: none has (waitid(2) with WNOWAIT)."""
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if ended is None:
        return None
    return ended.si_pid, ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
