"""A tree that hangs is asked for its tracebacks before it is killed: faulthandler writes one when SIGABRT comes.

What hangs may be the main process or any of its workers, so all of them are asked, the main one last: with its death
the rest of the tree is killed. A program may have a handler of its own for SIGABRT, which says nothing while it is
stuck in C (gunicorn's workers have one, in Python); faulthandler writes a traceback for SIGBUS, too, and nobody else
takes that one, so what is still there after a while gets it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial

from procession.loop import Loop
from procession.supervisor.linux import kernel
from procession.supervisor.linux.procfs import Stat
from procession.supervisor.linux.trees import open_verified

ROUND_SECONDS = 2.0  # for what was asked to write its traceback; all rounds together are less than ABORT_SECONDS
ASKED_MAX = 64  # so many of a tree; the rest is killed without a traceback
NO_CORE = 0  # a core dump of what hangs would be a second hang, and holds the site's secrets


class Abort:
    """`find()` gives what lives of the tree besides the main process, whose pidfd is `main`, and stays the caller's."""

    __slots__ = ("_find", "_has_core", "_loop", "_main", "_rounds", "_waited_for")

    def __init__(self, find: Callable[[], Iterator[Stat]], loop: Loop, *, main: Stat, has_core: bool) -> None:
        self._find = find
        self._loop = loop
        self._main = main
        self._has_core = has_core
        self._rounds = iter((self._ask_workers, self._press_workers, self._ask_main, self._press_main))
        self._waited_for: set[int] = set()  # pidfds of what was asked

    def begin(self) -> None:
        self._next()

    def end(self) -> None:
        """It is over, or the tree is being killed."""
        self._loop.cancel(self)
        self._rounds = iter(())
        for pidfd in tuple(self._waited_for):
            self._drop(pidfd)

    def _next(self) -> None:
        """The next round in which there is somebody to ask."""
        for ask in self._rounds:
            ask()
            if self._waited_for:
                self._loop.call_after(ROUND_SECONDS, self, self._next)
                return

    def _ask_workers(self) -> None:
        for stat, _ in zip(self._find(), range(ASKED_MAX), strict=False):
            self._ask(stat)

    def _press_workers(self) -> None:
        for pidfd in self._waited_for:
            _send(pidfd, signal.SIGBUS)

    def _ask_main(self) -> None:
        for pidfd in tuple(self._waited_for):
            self._drop(pidfd)
        self._ask(self._main)

    def _press_main(self) -> None:
        self._press_workers()

    def _ask(self, stat: Stat) -> None:
        try:
            pidfd = open_verified(stat)
        except OSError:
            return  # no fd left to ask by; it will be killed
        if pidfd is None:
            return
        try:
            self._loop.watch(pidfd, partial(self._ended, pidfd))
        except OSError:
            os.close(pidfd)
            return
        self._waited_for.add(pidfd)
        if not self._has_core:
            _forbid_core(stat.pid)
        _send(pidfd, signal.SIGABRT)

    def _ended(self, pidfd: int) -> None:
        self._drop(pidfd)
        if not self._waited_for:
            self._loop.cancel(self)
            self._next()

    def _drop(self, pidfd: int) -> None:
        self._waited_for.discard(pidfd)
        self._loop.forget(pidfd)
        os.close(pidfd)


def _send(pidfd: int, number: signal.Signals) -> None:
    """And CONT after it: stopped, it would write nothing."""
    try:
        kernel.send_signal(pidfd, number)
        kernel.send_signal(pidfd, signal.SIGCONT)
    except PermissionError:
        pass  # it became another user's


def _forbid_core(pid: int) -> None:
    import resource  # here, because few supervisors ever need it

    try:
        hard = resource.prlimit(pid, resource.RLIMIT_CORE)[1]
        resource.prlimit(pid, resource.RLIMIT_CORE, (NO_CORE, hard))
    except OSError:
        pass  # gone, or another user's
