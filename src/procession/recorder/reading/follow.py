"""What is being written to logs, from the end of what was there on, over any number of rotations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter

from procession.recorder.reading.changes import Changes
from procession.recorder.reading.parts import Part, log_paths, parts_of
from procession.recorder.reading.records import Record, forwards, record_of

READ_BYTES = 1 << 20
DELETED = " (deleted)"  # proc(5), at /proc/PID/fd


class Tail:
    """Goes on reading one log behind `seen`, the last part that was read already, if there was one."""

    def __init__(self, instance: str, path: str, seen: Part | None) -> None:
        self.instance = instance
        self.path = path
        self._fd = -1
        self._name = ""  # of the part that was read last, when it is not open
        self._rest = b""
        self._time = ""
        self._is_at_end = False
        if seen is not None:
            self._open_seen(seen)

    def read(self) -> list[Record]:
        """Some of the lines that have ended since the last call; none when there are none."""
        records = self._read_block()
        while self._is_at_end and not records:
            behind = self._parts_behind()
            if not behind:
                break
            records = self._read_block()  # what was written just before it was rotated
            if self._is_at_end:
                records += self._switch(behind[0]) + self._read_block()
        return records

    def close(self) -> None:
        """Close the file that is open."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open_seen(self, seen: Part) -> None:
        for part in [seen, *parts_of(self.path)]:  # under another name when it was rotated since
            if part.inode == seen.inode and self._open(part.path, seen.end or 0):
                if os.fstat(self._fd).st_ino == seen.inode:
                    return
                self.close()

    def _parts_behind(self) -> list[Part]:
        """The parts that follow the one that we read. The kernel knows what ours is called now."""
        name = os.readlink(f"/proc/self/fd/{self._fd}") if self._fd >= 0 else self._name
        if name == self.path:
            return []
        parts = parts_of(self.path)
        if name == self.path + DELETED:
            return parts[-1:]
        name = name.removesuffix(DELETED)
        return [part for part in parts if part.path > name or part.path == self.path]

    def _switch(self, part: Part) -> list[Record]:
        """Read this part from now on; one that was compressed meanwhile is given as a whole."""
        records = [self._record(self._rest)] if self._rest else []
        self._rest = b""
        if not self._open(part.path, 0):
            records += forwards(part, self.instance)
            self.close()
            self._name = part.path
        return records

    def _open(self, path: str, offset: int) -> bool:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return False
        self.close()
        self._fd = fd
        os.lseek(fd, offset, os.SEEK_SET)
        return True

    def _read_block(self) -> list[Record]:
        data = os.read(self._fd, READ_BYTES) if self._fd >= 0 else b""
        self._is_at_end = not data
        if not data:
            self._rewind_if_truncated()
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [self._record(line) for line in lines]

    def _rewind_if_truncated(self) -> None:
        if self._fd >= 0 and os.fstat(self._fd).st_size < os.lseek(self._fd, 0, os.SEEK_CUR):
            os.lseek(self._fd, 0, os.SEEK_SET)

    def _record(self, line: bytes) -> Record:
        record = record_of(line, self.instance, self._time)
        self._time = record.time
        return record


class Follower:
    """Follows the logs of a stack directory from the ends of `seen` on: instance -> the newest part that was read.

    It holds them open from the start, so that nothing is missed while somebody still prints what was before. Instances
    that get a log later join when `is_wanted(name)`.
    """

    def __init__(self, directory: str, seen: Mapping[str, Part | None], is_wanted: Callable[[str], bool]) -> None:
        self._directory = directory
        self._is_wanted = is_wanted
        self._changes = Changes()
        self._tails: dict[str, Tail] = {}
        self._join(seen)

    def records(self) -> Iterator[Record]:
        """Records as they come, for ever; those that come at once by time. Raises OSError."""
        while True:
            records = self.take()
            yield from records
            if not records:
                self.wait()

    def take(self) -> list[Record]:
        """What has come since the last time, by time; some of it, where there is much. Raises OSError."""
        self._join({})
        records = [record for tail in self._tails.values() for record in tail.read()]
        return sorted(records, key=itemgetter(0))

    def wait(self, seconds: float | None = None, also: Sequence[int] = ()) -> None:
        """Sleep until there is more, or one of the fds `also` can be read, at most so long. It may be less."""
        self._changes.wait(seconds, also)

    def close(self) -> None:
        """Give all fds back."""
        self._changes.close()
        for tail in self._tails.values():
            tail.close()

    def _join(self, seen: Mapping[str, Part | None]) -> None:
        self._changes.watch([self._directory, os.path.join(self._directory, "log")])
        for name, path in log_paths(self._directory).items():
            if name not in self._tails and self._is_wanted(name):
                self._changes.watch([os.path.dirname(path)])
                self._tails[name] = Tail(name, path, seen.get(name))
