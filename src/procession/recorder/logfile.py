"""One log file: appends stamped chunks, rotates at line ends, and never raises because a disk is full or broken."""

from __future__ import annotations

import os

from procession.recorder.hand import CHUNK_BYTES, Place
from procession.recorder.lost import Lost
from procession.recorder.private import open_private
from procession.recorder.rotation import Policy, Rotated, milliseconds_of
from procession.recorder.stamp import STAMP_BYTES, stamped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.recorder.hand import Hand
    from procession.recorder.stamp import Moment

LOOK_AFTER_SECONDS = 1.0


class LogFile:
    """Where the lines of one instance go.

    `lost` is set while it cannot be written: appended chunks are then counted and dropped, with an attempt now and
    then. `resumed` is what had been lost, once it could be written again; who reports it sets it back to None.
    `has_changed` says that a deadline or a report may be due (first line, rotation, lost, resumed); who looks resets
    it.
    """

    __slots__ = (
        "_born_ns", "_dropped_lines", "_fd", "_look_at", "at_line_start", "has_changed", "inode", "lost", "path",
        "policy", "resumed", "rotated", "size", "taken_bytes",
    )  # fmt: skip

    def __init__(self, path: str, policy: Policy, moment: Moment) -> None:
        self.path = path
        self.policy = policy
        self.at_line_start = True
        self.has_changed = True
        self.size = 0
        self.taken_bytes = 0  # of what the instance wrote, dropped or not, since we have this log
        self.inode = 0
        self.lost: Lost | None = None
        self.resumed: Lost | None = None
        self.rotated: Rotated | None = None
        self._dropped_lines = 0
        self._fd = -1
        self._born_ns = moment.ns
        self._look_at = 0.0
        self.reopen(moment)

    @property
    def dropped_lines(self) -> int:
        """Since we have this log."""
        return self._dropped_lines + (self.lost.whole_lines if self.lost is not None else 0)

    def append(self, chunk: bytes, moment: Moment, hand: Hand | None = None) -> None:
        """Write the chunk with stamps; `hand` is told when a rotation falls within it."""
        self.taken_bytes += len(chunk)
        if self.lost is not None:
            chunk = self._resume(self.lost, chunk, moment)
        elif moment.monotonic_seconds >= self._look_at:
            self._look(moment)
        if not chunk:
            return
        pieces = stamped(chunk, moment.stamp, self.at_line_start)
        if self.size + len(pieces[-1]) + STAMP_BYTES <= self.policy.max_bytes and not self.is_old(moment):
            self._write(pieces, moment)
        else:
            self._write_across(b"".join(pieces), moment, hand, len(chunk))

    def end_line(self, moment: Moment) -> None:
        """What is written next begins on a line of its own."""
        if self.lost is not None:
            self.lost.is_mid_line = False
        elif not self.at_line_start:
            self._write([b"\n"], moment)

    def is_old(self, moment: Moment) -> bool:
        """Whether its first line is older than the policy allows."""
        age_seconds = self.policy.max_age_seconds
        return age_seconds is not None and self.size > 0 and (moment.ns - self._born_ns) / 1e9 >= age_seconds

    def seconds_until_old(self, moment: Moment) -> float | None:
        """Seconds until `is_old`; None when there is nothing to wait for: in mid-line the next chunk rotates."""
        if self.policy.max_age_seconds is None or not self.size or not self.at_line_start:
            return None
        return self.policy.max_age_seconds - (moment.ns - self._born_ns) / 1e9

    def rotate_if_old(self, moment: Moment) -> None:
        """To be called when the age is reached and nothing is being written. In mid-line: the next chunk does it."""
        if self.at_line_start and self.lost is None and self.is_old(moment):
            self._turn(moment)

    def reopen(self, moment: Moment) -> None:
        """Open the file that has our path now, as after logrotate; made, with its folder, if there is none."""
        self.close()
        try:
            self._open(moment)
        except OSError as error:
            self._lose(error, moment)

    def try_again(self, moment: Moment) -> bool:
        """While `lost`: say in the log what was dropped. True when that could be written."""
        lost = self.lost
        if lost is None:
            return True
        line = b"%s%s[procession: %s]\n" % (
            b"" if self.at_line_start else b"\n", moment.stamp, lost.sentence().encode(),
        )  # fmt: skip
        if not self._is_writable(lost, moment) or not self._write_whole(line):
            lost.postpone(moment.monotonic_seconds)
            return False
        self.at_line_start = True
        self.lost = None
        self._dropped_lines += lost.whole_lines
        self.resumed = lost
        self.has_changed = True
        return True

    def close(self) -> None:
        """Close the file; what comes after is an error of the caller."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, pieces: list[bytes | memoryview] | list[bytes], moment: Moment) -> None:
        total = sum(map(len, pieces))
        if not self.size:
            self._born_ns = moment.ns
            self.has_changed = True
        try:
            written = os.writev(self._fd, pieces)
        except OSError as error:
            self._cut(b"".join(pieces), 0, error, moment)
            return
        if written < total:
            self._write_rest(b"".join(pieces), written, moment)
        else:
            self.size += total
            self.at_line_start = pieces[-1][-1] == 10  # "\n"

    def _write_rest(self, data: bytes, written: int, moment: Moment) -> None:
        """A short write is the last that fits: the next one says why."""
        while written < len(data):
            try:
                written += os.write(self._fd, data[written:])
            except OSError as error:
                self._cut(data, written, error, moment)
                return
        self.size += len(data)
        self.at_line_start = data.endswith(b"\n")

    def _cut(self, data: bytes, written: int, error: OSError, moment: Moment) -> None:
        """Only `written` bytes could be written: keep whole lines, count the rest as lost."""
        keep = data.rfind(b"\n", 0, written) + 1
        if not keep and not self.at_line_start:
            keep = written  # more of a line of which the beginning is in the file
        if keep < written:
            try:
                os.ftruncate(self._fd, self.size + keep)
            except OSError:
                keep = written
        self.size += keep
        if keep:
            self.at_line_start = data[keep - 1] == 10
        self._lose(error, moment)
        self._lose(error, moment).count(_unstamped(data[keep:], moment))

    def _lose(self, error: OSError, moment: Moment) -> Lost:
        if self.lost is None:
            self.lost = Lost(error, moment.monotonic_seconds)
            self.has_changed = True
        return self.lost

    def _resume(self, lost: Lost, chunk: bytes, moment: Moment) -> bytes:
        """The part of the chunk that can be written after all; b"" when it was dropped."""
        chunk = lost.count_rest_of_line(chunk)
        if moment.monotonic_seconds >= lost.retry_at and not lost.is_mid_line and self.try_again(moment):
            return chunk
        lost.count(chunk)
        return b""

    def _is_writable(self, lost: Lost, moment: Moment) -> bool:
        try:
            if self._fd < 0:
                self._open(moment)
            disk = os.fstatvfs(self._fd)
        except OSError:
            return False
        # A few bytes of room would be used up by saying what was dropped, again and again.
        return not lost.needs_room or disk.f_bavail * disk.f_frsize >= CHUNK_BYTES

    def _write_whole(self, line: bytes) -> bool:
        try:
            if os.write(self._fd, line) < len(line):
                os.ftruncate(self._fd, self.size)
                return False
        except OSError:
            return False
        self.size += len(line)
        return True

    def _write_across(self, data: bytes, moment: Moment, hand: Hand | None, chunk_bytes: int) -> None:
        """Write what still fits, up to a line end, rotate, go on. A line is never split between two files."""
        began_at_line_start = self.at_line_start
        done = 0
        while True:
            end = self._end_of_part(data, done, moment)
            if end > done:
                self._write([data[done:end]], moment)
            done = end
            if done == len(data):
                return
            if self.lost is not None:
                self.lost.count(_unstamped(data[done:], moment))
                return
            if not self._turn(moment):
                self._write([data[done:]], moment)
                return
            if hand is not None:
                hand.move(Place(self, moment.stamp, done, began_at_line_start), chunk_bytes)

    def _end_of_part(self, data: bytes, done: int, moment: Moment) -> int:
        """How far `data` goes into this file: to the last line end that fits; `done` when a new file is due first."""
        room = 0 if self.is_old(moment) else self.policy.max_bytes - self.size
        if len(data) - done <= room:
            return len(data)
        end = data.rfind(b"\n", done, done + max(room, 0)) + 1
        if end > done:
            return end
        if self.at_line_start and self.size:
            return done
        return data.find(b"\n", done) + 1 or len(data)  # the end of a line that is longer than the room for it

    def _turn(self, moment: Moment) -> bool:
        """Rotate. False: it cannot be done now, so this file goes on growing until it can."""
        try:
            if self.rotated is None:
                self.rotated = Rotated(self.path)
            self.rotated.turn(moment.ns, moment.monotonic_seconds, self.policy.keep)
        except FileNotFoundError:
            pass  # somebody has renamed or removed it: only the new one is missing
        except OSError:
            return False
        try:
            self._open(moment)
        except OSError:
            return False
        return True

    def _look(self, moment: Moment) -> None:
        """Has somebody renamed, removed or truncated the file under us?"""
        self._look_at = moment.monotonic_seconds + LOOK_AFTER_SECONDS
        try:
            found = os.stat(self.path)
        except OSError:
            self.reopen(moment)
            return
        if found.st_ino == self.inode:
            self.size = found.st_size
        else:
            self.reopen(moment)

    def _open(self, moment: Moment) -> None:
        fd = _open_or_make(self.path)
        self.close()
        self._fd = fd
        found = os.fstat(fd)
        self.inode, self.size = found.st_ino, found.st_size
        self._look_at = moment.monotonic_seconds + LOOK_AFTER_SECONDS
        self.at_line_start = not self.size or os.pread(fd, 1, self.size - 1) == b"\n"
        self._born_ns = self._first_stamp_ns() or moment.ns
        if self.rotated is None:
            self.rotated = Rotated(self.path)

    def _first_stamp_ns(self) -> int | None:
        """When its first line was written; None when it is empty or not one of ours."""
        text = os.pread(self._fd, STAMP_BYTES - 1, 0).decode("ascii", "replace")
        try:
            return milliseconds_of(text.replace("-", "").replace(":", "")) * 1_000_000
        except ValueError:
            return None


def _open_or_make(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOCTTY | os.O_NONBLOCK
    try:
        return open_private(path, flags)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        return open_private(path, flags)


def _unstamped(data: bytes, moment: Moment) -> bytes:
    """The bytes as the instance wrote them, for counting."""
    return data.replace(b"\n" + moment.stamp, b"\n").removeprefix(moment.stamp)
