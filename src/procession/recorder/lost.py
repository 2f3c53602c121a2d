"""What could not be written: counted per log, and said in it as soon as it can be written again."""

from __future__ import annotations

from errno import ENOSPC
from os import strerror

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 8.0


class Lost:
    """The lines dropped since a write failed, and when to try again."""

    __slots__ = ("bytes", "is_mid_line", "is_told", "lines", "needs_room", "reason", "retry_at", "wait_seconds")

    def __init__(self, error: OSError, now: float) -> None:
        self.lines = 0
        self.bytes = 0
        self.is_mid_line = False  # the last line dropped has not ended yet: what comes next is the rest of it
        self.is_told = False  # somebody was told that lines are being dropped
        self.reason = error.strerror or strerror(error.errno or 0)
        self.needs_room = error.errno == ENOSPC
        self.wait_seconds = FIRST_WAIT_SECONDS
        self.retry_at = now + self.wait_seconds

    def count(self, data: bytes) -> None:
        """This was dropped too."""
        if data:
            self.lines += data.count(b"\n")
            self.bytes += len(data)
            self.is_mid_line = not data.endswith(b"\n")

    def count_rest_of_line(self, chunk: bytes) -> bytes:
        """Drop what belongs to the line of which the beginning was dropped; give back the rest of the chunk."""
        if not self.is_mid_line:
            return chunk
        end = chunk.find(b"\n") + 1 or len(chunk)
        self.count(chunk[:end])
        return chunk[end:]

    def postpone(self, now: float) -> None:
        """It still cannot be written: wait twice as long before the next attempt."""
        self.wait_seconds = min(self.wait_seconds * 2, LONGEST_WAIT_SECONDS)
        self.retry_at = now + self.wait_seconds

    @property
    def whole_lines(self) -> int:
        """Those dropped, one of which only the beginning has come counted as one."""
        return self.lines + self.is_mid_line

    def sentence(self) -> str:
        """`3210 lines (412 kB) dropped: No space left on device`"""
        lines = self.whole_lines
        size = f"{self.bytes // 1000} kB" if self.bytes >= 1000 else f"{self.bytes} bytes"
        return f"{lines} {'line' if lines == 1 else 'lines'} ({size}) dropped: {self.reason}"
