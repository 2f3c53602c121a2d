"""A question that may block for as long as a disk or a name server likes: a child of ours asks it, and is killed if it
takes too long. The child of a dead supervisor holds nothing of it: neither its lock nor its listeners.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import NoReturn

from procession.loop import Loop
from procession.supervisor.linux.children import Children
from procession.supervisor.linux.signals import reset_signals
from procession.supervisor.linux.spawn import fork

ANSWER_BYTES_MAX = 4000  # less than PIPE_BUF: written in one piece (pipe(7))
ANSWER_FD = 3


class Inquiry:
    """`ask()` runs in the child; `answer(text)` is told what it gave, "" if it gave nothing."""

    __slots__ = ("_answer", "_ask", "_children", "_fd", "_loop", "_pid", "is_over")

    def __init__(self, loop: Loop, children: Children, ask: Callable[[], str], answer: Callable[[str], object]) -> None:
        self._loop = loop
        self._children = children
        self._ask = ask
        self._answer = answer
        self._fd = -1
        self._pid = 0
        self.is_over = True  # no child is there; one that waits for a dead disk does not even die of SIGKILL

    def begin(self) -> None:
        """Raises OSError where there is no room for one more process."""
        self._fd, theirs = os.pipe2(os.O_CLOEXEC)
        try:
            self._pid = fork(lambda: _run(self._ask, theirs))
            self._children.add(self._pid, self._ended)
            self.is_over = False
            self._loop.watch(self._fd, self._hear)
        except OSError:
            self.end()
            raise
        finally:
            os.close(theirs)

    def end(self) -> None:
        """The answer is of no interest any more."""
        if self._fd >= 0:
            self._loop.forget(self._fd)
            os.close(self._fd)
            self._fd = -1
        if not self.is_over:
            os.kill(self._pid, signal.SIGKILL)  # its number is its own: it is our child, and not reaped yet

    def _hear(self) -> None:
        text = os.read(self._fd, ANSWER_BYTES_MAX).decode("utf-8", "replace")
        self.end()
        self._answer(text)

    def _ended(self, _status: int | None) -> None:
        self.is_over = True


def _run(ask: Callable[[], str], answers: int) -> NoReturn:
    """In the child. It has answered before it is killed."""
    try:
        reset_signals()
        if answers != ANSWER_FD:
            os.dup2(answers, ANSWER_FD)
        os.closerange(ANSWER_FD + 1, os.sysconf("SC_OPEN_MAX"))
        os.write(ANSWER_FD, ask().encode("utf-8", "replace")[:ANSWER_BYTES_MAX])
    finally:
        os._exit(0)
