"""The chunk in hand: what has been read from a FIFO and is not in its log file yet.

A pipe forgets what was read, so a recorder that is killed between its read and its write would lose a chunk (under a
flood, that is where it is half of the time). Therefore the kernel reads into a file mapped into memory,
`recorder.hand`, which outlives us, and beside the chunk stands where it goes: log file (by inode), offset, stamp. The
next recorder writes what is missing, from where the log file ends. So a line is neither lost nor doubled by a `kill
-9`.

What is left open: a kill inside the copy of a single read, while a page of this file is being written back; it would
need a kernel fault and a signal in the same microsecond. A crash of the machine empties every FIFO anyway: chunks of
another boot are ignored.

Nothing is ever stored through the mapping by us, only by the kernel: on a full copy-on-write disk a store would be a
SIGBUS, while read and pwrite fail with an errno, upon which we go on without a safety net.
"""

from __future__ import annotations

import os
from fcntl import ioctl
from mmap import MAP_POPULATE, MAP_SHARED, PROT_READ, PROT_WRITE, mmap
from struct import Struct
from sys import byteorder
from termios import FIONREAD

from procession.recorder.stamp import STAMP_BYTES, stamped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.recorder.logfile import LogFile

CHUNK_BYTES = 128 << 10  # at 256 KiB, what was read is out of the CPU's cache before it is written
# The chunk begins here, the header ends here, and before that the path of the log file ends. Within a page: one write
# of header and UNREAD is then whole or not there at all, also for SIGKILL (the kernel looks for it between two pages).
DATA_AT = 2048
# magic, boot id, state, at line start, path bytes, stamp, inode, offset, done, chunk bytes
HEADER = Struct("<8s36sB?H25sQQQI")
STATE_AT = DATA_AT - HEADER.size + 44
PATH_BYTES_MAX = DATA_AT - HEADER.size
MAGIC = b"hand\x00\x00\x00\x01"
EMPTY, READING, HELD = range(3)
# Where a read will put its first bytes: still there, the read did not happen. 0xFF is in no UTF-8 text.
UNREAD = b"\xff" * 8


class Place:
    """Where the chunk in hand belongs: stamped, `done` bytes of it are elsewhere already; the rest goes to `offset`."""

    __slots__ = ("at_line_start", "done", "inode", "offset", "path", "stamp")

    def __init__(self, log: LogFile, stamp: bytes, done: int = 0, at_line_start: bool | None = None) -> None:
        self.path = os.fsencode(log.path)
        self.inode = log.inode
        self.offset = log.size
        self.stamp = stamp
        self.done = done
        self.at_line_start = log.at_line_start if at_line_start is None else at_line_start


class Hand:
    """Takes one chunk at a time out of a FIFO, so that it survives us. Raises OSError if its file cannot be opened."""

    __slots__ = ("_available", "_boot", "_fd", "_view", "after_boot", "trouble")

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._boot = _boot_id()
        self._available = bytearray(4)
        self._view: memoryview | None = None
        self.trouble: OSError | None = None  # why chunks do not survive us, if so
        self.after_boot = os.pread(self._fd, 36, DATA_AT - HEADER.size + 8) != self._boot  # or the very first start
        try:
            os.posix_fallocate(self._fd, 0, DATA_AT + CHUNK_BYTES)
            mapped = mmap(self._fd, DATA_AT + CHUNK_BYTES, MAP_SHARED | MAP_POPULATE, PROT_READ | PROT_WRITE)
            self._view = memoryview(mapped)[DATA_AT:]
        except OSError as error:
            self.trouble = error

    def take(self, fd: int, place: Place) -> bytes:
        """The next chunk of the FIFO, at most CHUNK_BYTES; b"" when there is none. `fd` must not block."""
        ioctl(fd, FIONREAD, self._available)
        count = min(int.from_bytes(self._available, byteorder), CHUNK_BYTES)
        if not count:
            return b""
        if self._view is None or not self._write_header(READING, place, count):
            return os.read(fd, count)
        got = os.readv(fd, [self._view[:count]])
        return bytes(self._view[:got])

    def move(self, place: Place, count: int) -> None:
        """The rest of the chunk of `count` bytes goes to another place, since the log was rotated."""
        if self._view is not None:
            self._write_header(HELD, place, count)

    def let_go(self) -> None:
        """The chunk is in its log file."""
        if self._view is not None:
            try:
                os.pwrite(self._fd, b"\0", STATE_AT)
            except OSError as error:
                self._give_up(error)

    def recover(self) -> int:
        """Write what the last recorder had in hand to where it belongs; the count of bytes. Raises OSError."""
        header = os.pread(self._fd, DATA_AT, 0)
        if len(header) < DATA_AT:
            return 0
        magic, boot, state, at_line_start, path_bytes, stamp, inode, offset, done, count = HEADER.unpack(
            header[-HEADER.size :]
        )
        chunk = os.pread(self._fd, count, DATA_AT) if magic == MAGIC and boot == self._boot else b""
        if state == EMPTY or not chunk or (state == READING and chunk.startswith(UNREAD[: len(chunk)])):
            return 0
        path = os.fsdecode(header[-HEADER.size - path_bytes : -HEADER.size])
        data = b"".join(stamped(chunk, stamp, at_line_start))[done:]
        written = _append_missing(path, inode, offset, data)
        self.let_go()
        return written

    def _write_header(self, state: int, place: Place, count: int) -> bool:
        path = place.path[:PATH_BYTES_MAX]
        header = path + HEADER.pack(
            MAGIC, self._boot, state, place.at_line_start, len(path),
            place.stamp, place.inode, place.offset, place.done, count,
        )  # fmt: skip
        try:
            os.pwrite(self._fd, header + UNREAD if state == READING else header, DATA_AT - len(header))
        except OSError as error:
            self._give_up(error)
            return False
        return True

    def _give_up(self, error: OSError) -> None:
        self._view = None
        self.trouble = error


assert len(b"2026-11-21T07:31:00.123Z ") == STAMP_BYTES  # the 25s in HEADER


def _boot_id() -> bytes:
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:
        return file.read(36)


def _find(path: str, inode: int) -> str | None:
    """The log file with this inode: `path` itself, or what it was renamed to by a rotation. None: it was removed."""
    folder, base = os.path.split(path)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.inode() == inode and entry.name.startswith(base):
                return entry.path
    return None


def _append_missing(path: str, inode: int, offset: int, data: bytes) -> int:
    """Write what of `data` is not there yet; the count of bytes. The log is gone: nothing. Raises OSError."""
    found = _find(path, inode)
    if found is None:
        return 0
    if found == path:
        return _append(path, data, offset)
    end = data.rfind(b"\n") + 1  # it was rotated, and the recorder killed before it began the next file
    return _append(found, data[:end], offset) + _append(path, data[end:], 0)


def _append(path: str, data: bytes, offset: int) -> int:
    """Write what of `data`, which begins at `offset`, lies behind the end of the file."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        missing = memoryview(data)[max(os.fstat(fd).st_size - offset, 0) :]
        count = len(missing)
        while missing:
            missing = missing[os.write(fd, missing) :]
        return count
    finally:
        os.close(fd)
