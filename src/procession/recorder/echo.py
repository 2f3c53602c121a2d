"""Every line also to our own stdout, behind an aligned `web.1 | `: for containers and journald.

A reader that does not read must not stop the recording: what does not fit into a bounded backlog is counted and said
later.
"""

from __future__ import annotations

import os
from stat import S_ISCHR, S_ISFIFO, S_ISSOCK

from procession.loop import WRITABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.loop import Loop
    from procession.recorder.stamp import Moment

BACKLOG_BYTES_MAX = 1 << 20
LINE_BYTES_MAX = 64 << 10  # a longer line is cut into several, since only whole lines of two instances can be mixed


class Echo:
    """Writes whole lines to `fd`, which must not block."""

    __slots__ = ("_backlog", "_dropped", "_fd", "_is_waiting", "_loop", "_prefixes", "_tails", "_with_times")

    def __init__(self, loop: Loop, fd: int, with_times: bool) -> None:
        self._loop = loop
        self._fd = fd
        self._with_times = with_times
        self._prefixes: dict[str, bytes] = {"procession": b"procession | "}
        self._tails: dict[str, bytes] = {}  # the line that an instance has begun
        self._backlog = bytearray()
        self._dropped = 0
        self._is_waiting = False

    def add(self, name: str) -> None:
        """Make room for the name of this instance in front of the lines."""
        self._prefixes[name] = b""
        self._align()

    def forget(self, name: str) -> None:
        """This instance is no more."""
        self._prefixes.pop(name, None)
        self._tails.pop(name, None)
        self._align()

    def add_chunk(self, name: str, chunk: bytes, moment: Moment) -> None:
        """Echo the lines that end in this chunk; the rest waits for its end."""
        end = chunk.rfind(b"\n") + 1
        lines, tail = self._tails.get(name, b"") + chunk[:end], chunk[end:]
        if not end:
            lines, tail = b"", lines + tail
        if len(tail) > LINE_BYTES_MAX:
            lines, tail = lines + tail + b"\n", b""
        self._tails[name] = tail
        if lines:
            prefix = self._prefixes[name] + (moment.stamp if self._with_times else b"")
            self._put(prefix + lines[:-1].replace(b"\n", b"\n" + prefix) + b"\n")

    def end_line(self, name: str, moment: Moment) -> None:
        """The instance will not end the line that it has begun."""
        if self._tails.get(name):
            self.add_chunk(name, b"\n", moment)

    def flush(self) -> None:
        """Write as much of the backlog as can be written without waiting."""
        self._send()

    def _align(self) -> None:
        width = max(map(len, self._prefixes))
        for name in self._prefixes:
            self._prefixes[name] = name.ljust(width).encode() + b" | "

    def _put(self, text: bytes) -> None:
        if len(self._backlog) + len(text) > BACKLOG_BYTES_MAX:
            self._dropped += text.count(b"\n")
            return
        self._backlog += text
        if not self._is_waiting:
            self._send()

    def _send(self) -> None:
        try:
            while self._backlog:
                del self._backlog[: os.write(self._fd, self._backlog)]
                if self._dropped and not self._backlog:
                    self._backlog += b"procession | [procession: %d lines not shown here]\n" % self._dropped
                    self._dropped = 0
        except BlockingIOError:
            self._wait(True)
            return
        except OSError:
            self._backlog.clear()  # EPIPE, EIO: who read it is gone; the log files go on
        self._wait(False)

    def _wait(self, is_waiting: bool) -> None:
        if is_waiting and not self._is_waiting:
            self._loop.watch(self._fd, self._send, WRITABLE)
        elif self._is_waiting and not is_waiting:
            self._loop.forget(self._fd)
        self._is_waiting = is_waiting


def open_stdout() -> int:
    """An fd for our stdout that does not block.

    O_NONBLOCK belongs to the open file, which our parent and a shell may share: a terminal or pipe is therefore opened
    anew; a socket (journald's) cannot be. A write to a plain file never waits for a reader. Raises OSError.
    """
    mode = os.fstat(1).st_mode
    if S_ISCHR(mode) or S_ISFIFO(mode):
        return os.open("/proc/self/fd/1", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    if S_ISSOCK(mode):
        os.set_blocking(1, False)
    return 1
