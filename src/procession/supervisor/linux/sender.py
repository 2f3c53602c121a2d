"""The child that sends one message, in the site's own Python: how it is started, heard, taken over, and ended.

It is nobody's instance, and goes on if we die. Its report goes into a file whose room is taken beforehand: a child that
outlives us is heard by our successor, and a full disk, which is what it may have to tell of, does not silence it.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping

from procession.loop import Loop
from procession.supervisor.linux import kernel, procfs
from procession.supervisor.linux.children import Children
from procession.supervisor.linux.environment import NOT_PASSED_ON
from procession.supervisor.linux.signals import TAKEN

REPORT_BYTES = 8192  # a line of 400 bytes for each of twenty channels
KILL_SECONDS = 60.0  # after which a child that hangs is killed; it ends itself earlier (procession.django.alerts)


class Sender:
    """One child at a time. `on_over(results)` hears how it ended: by channel "" or why not, as far as it has said."""

    __slots__ = ("_children", "_loop", "_on_over", "_pidfd", "_report", "_start_ticks", "pid")

    def __init__(
        self, path: str, loop: Loop, children: Children, on_over: Callable[[Mapping[str, str]], object]
    ) -> None:
        """`path` is the report's. Raises OSError."""
        self._loop = loop
        self._children = children
        self._on_over = on_over
        self._report = _open_report(path)
        self._pidfd = -1  # of one that is not our own child
        self._start_ticks = 0
        self.pid = 0  # 0: none is there

    def begin(self, command: tuple[str, ...], request: bytes) -> None:
        """Raises OSError."""
        os.pwrite(self._report, b" " * REPORT_BYTES, 0)  # in place
        os.lseek(self._report, 0, os.SEEK_SET)
        self.pid = _spawn(command, request, self._report)
        stat = procfs.read_stat(self.pid)
        self._start_ticks = stat.start_ticks if stat else 0
        self._children.add(self.pid, lambda _status: self._ended())
        self._loop.call_after(KILL_SECONDS, self, self.kill)

    def mark(self) -> dict[str, object]:
        """Who it is, for `take_over`."""
        return {"pid": self.pid, "start_ticks": self._start_ticks, "boot": procfs.boot_id()}

    def take_over(self, mark: Mapping[str, object]) -> None:
        """Hear of a child of the supervisor before us: now, if it has ended meanwhile."""
        pid, start_ticks = mark.get("pid"), mark.get("start_ticks")
        is_of_now = mark.get("boot") == procfs.boot_id()
        if not isinstance(pid, int) or not isinstance(start_ticks, int) or not pid or not is_of_now:
            # It was about to be started, and may have been: then its time is over by then.
            self._loop.call_after(KILL_SECONDS if is_of_now else 0.0, self, self._ended)
            return
        try:
            self._pidfd = self._children.adopt(pid, start_ticks, lambda _status: self._ended())
        except OSError:
            self._loop.call_after(0.0, self, self._ended)
            return
        self.pid, self._start_ticks = pid, start_ticks
        self._loop.call_after(KILL_SECONDS, self, self.kill)

    def kill(self) -> None:
        """It hangs, or its time is over. Its end is told as any."""
        if self._pidfd >= 0:
            kernel.send_signal(self._pidfd, signal.SIGKILL)
        elif self.pid:
            os.kill(self.pid, signal.SIGKILL)  # our child, and not reaped: the number is its own

    def close(self) -> None:
        """Kill it, and tell nobody."""
        self._on_over = _ignore
        self._loop.cancel(self)
        self.kill()

    def _ended(self) -> None:
        self.pid = 0
        self._loop.cancel(self)
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        self._on_over(read_report(os.pread(self._report, REPORT_BYTES, 0)))


def read_report(text: bytes) -> dict[str, str]:
    """Why not, by channel; "" for what got through. A line that is cut short says nothing."""
    found: dict[str, str] = {}
    for line in text.split(b"\n"):
        try:
            said = json.loads(line)
            found[str(said["channel"])] = str(said["why"])
        except (ValueError, TypeError, KeyError):
            continue
    return found


def _ignore(_results: Mapping[str, str]) -> None:
    """Nobody wants to know any more."""


def _open_report(path: str) -> int:
    """The file with its room taken; one in memory, which no successor reads, where there is no room. Raises OSError."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if os.fstat(fd).st_size >= REPORT_BYTES or os.pwrite(fd, b" " * REPORT_BYTES, 0) == REPORT_BYTES:
            return fd
        os.close(fd)
    except OSError:
        pass
    return os.memfd_create("report", os.MFD_CLOEXEC)


def _spawn(command: tuple[str, ...], request: bytes, report: int) -> int:
    """Its pid. The request is in memory, from where it is read as from a file: nobody waits. Raises OSError."""
    stdin = os.memfd_create("request", os.MFD_CLOEXEC)
    try:
        os.write(stdin, request)
        os.lseek(stdin, 0, os.SEEK_SET)
        return os.posix_spawn(
            command[0],
            command,
            {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, stdin, 0),
                (os.POSIX_SPAWN_DUP2, report, 1),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=TAKEN,
        )
    finally:
        os.close(stdin)
