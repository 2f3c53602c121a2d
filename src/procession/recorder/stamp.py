"""The time in front of each line: `2026-11-21T07:31:00.123Z `, in UTC with milliseconds.

Stamps are put in by one bulk replace per chunk, not by a loop over lines: what a flood of 100-byte lines costs is then
near what copying it costs.
"""

from __future__ import annotations

from time import gmtime, monotonic, strftime, time_ns

STAMP_BYTES = 25
NANOSECONDS_PER_MILLISECOND = 1_000_000


class Moment:
    """One moment, as everything that is done for one chunk sees it."""

    __slots__ = ("monotonic_seconds", "ns", "stamp")

    def __init__(self, ns: int, monotonic_seconds: float, stamp: bytes) -> None:
        self.ns = ns  # since the epoch
        self.monotonic_seconds = monotonic_seconds
        self.stamp = stamp


class Clock:
    """Tells the time, formatting each second once."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = -1
        self._text = b""

    def now(self) -> Moment:
        """This moment."""
        ns = time_ns()
        return Moment(ns, monotonic(), self.stamp(ns))

    def stamp(self, ns: int) -> bytes:
        """The stamp of a moment, with the space that ends it: STAMP_BYTES bytes."""
        second, millisecond = divmod(ns // NANOSECONDS_PER_MILLISECOND, 1000)
        if second != self._second:
            self._second = second
            self._text = strftime("%Y-%m-%dT%H:%M:%S", gmtime(second)).encode()
        return b"%s.%03dZ " % (self._text, millisecond)


def stamped(chunk: bytes, stamp: bytes, at_line_start: bool) -> list[bytes | memoryview]:
    """The chunk with a stamp at the start of each line that starts in it, as pieces for writev.

    A chunk may begin in the middle of a line (then `at_line_start` is False) and may end in one.
    """
    body = memoryview(chunk.replace(b"\n", b"\n" + stamp))
    if chunk.endswith(b"\n"):
        body = body[: -len(stamp)]  # the next line is stamped when it comes
    return [stamp, body] if at_line_start else [body]
