"""Short-lived helpers of the recorder, each a Python of its own: what they use and leak is gone when they are."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from procession.loop import Loop

FOLDER = os.path.dirname(os.path.abspath(__file__))


class Children:
    """Starts helpers and says when they have ended."""

    __slots__ = ("_loop",)

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def start(self, script: str, arguments: list[str], on_exit: Callable[[int], None], stdin_fd: int = -1) -> None:
        """Run `script` of this folder; `on_exit` gets its exit code, negative for a signal. Raises OSError.

        Its stdin is `stdin_fd`, or /dev/null.
        """
        stdin: tuple[object, ...] = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        if stdin_fd >= 0:
            stdin = (os.POSIX_SPAWN_DUP2, stdin_fd, 0)
        argv = [sys.executable, "-I", "-S", os.path.join(FOLDER, script), *arguments]
        pid = os.posix_spawn(sys.executable, argv, os.environ, file_actions=[stdin])
        self.expect_end(pid, on_exit)

    def expect_end(self, pid: int, on_exit: Callable[[int], None]) -> None:
        """Call back when our child `pid` has ended. Raises OSError when there are too many open files."""
        pidfd = os.pidfd_open(pid)
        self._loop.watch(pidfd, lambda: self._reap(pid, pidfd, on_exit))

    def _reap(self, pid: int, pidfd: int, on_exit: Callable[[int], None]) -> None:
        self._loop.forget(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        on_exit(os.waitstatus_to_exitcode(status))
