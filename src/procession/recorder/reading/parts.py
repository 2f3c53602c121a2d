"""Which log files there are: the parts of an instance's log, oldest first, rotated and compressed ones included."""

from __future__ import annotations

import os
from dataclasses import dataclass

from procession.recorder.rotation import GZ, is_rotated_name

LOG = ".log"
NEVER = "9999"  # later than every time
BLOCK_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a log, with all that was in it when it was looked at.

    `until` is a time, as in the file, after which nothing in it was written; `end` how many bytes of it belong to this
    look, None for a rotated one, of which that is all. `path` may become `path`.gz at any time.
    """

    path: str
    inode: int
    until: str
    end: int | None = None


def log_paths(directory: str) -> dict[str, str]:
    """Instance name -> its current log file, for all that have one in this stack directory; `procession` is our own."""
    folder = os.path.join(directory, "log")
    names = sorted(_names(folder), key=sort_key)
    found = {
        name.removesuffix(LOG): os.path.realpath(os.path.join(folder, name)) for name in names if name.endswith(LOG)
    }
    for name in names:  # between the rename and the first line after it, there are rotated files alone
        stem, _, tail = name.partition(LOG + ".")
        if tail and is_rotated_name(f"{stem}{LOG}.{tail.removesuffix(GZ)}", stem + LOG):
            found.setdefault(stem, os.path.join(folder, stem + LOG))
    return found


def sort_key(name: str) -> tuple[str, int]:
    """web.2 before web.10."""
    process, _, number = name.removesuffix(LOG).rpartition(".")
    return (process, int(number)) if number.isdecimal() else (name, 0)


def parts_of(path: str, *, whole_lines: bool = False) -> list[Part]:
    """The parts of the log at `path`, oldest first. `whole_lines`: leave out a last line that has not ended yet."""
    folder, base = os.path.split(path)
    current = _current(path, whole_lines)  # before the list: if it is rotated between the two, it is in both
    stems = sorted({stem for name in _names(folder) if is_rotated_name(stem := name.removesuffix(GZ), base)})
    parts = []
    for stem in stems:
        full = os.path.join(folder, stem)
        inode = _inode(full)
        if current is None or inode != current.inode:
            parts.append(Part(full, inode, _time_of(stem)))
    return [*parts, current] if current is not None else parts


def end_of_lines(fd: int, size: int) -> int:
    """The offset behind the last line end in the first `size` bytes."""
    while size > 0:
        start = max(0, size - BLOCK_BYTES)
        end = os.pread(fd, size - start, start).rfind(b"\n") + 1
        if end:
            return start + end
        size = start
    return 0


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _current(path: str, whole_lines: bool) -> Part | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        found = os.fstat(fd)
        end = end_of_lines(fd, found.st_size) if whole_lines else found.st_size
        return Part(path, found.st_ino, NEVER, end)
    finally:
        os.close(fd)


def _inode(path: str) -> int:
    """0 for a compressed or removed one."""
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0


def _time_of(name: str) -> str:
    """`2026-11-21T07:31:00.123Z` for `web.1.log.20261121T073100.123Z`."""
    text = name[-20:]
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[9:11]}:{text[11:13]}:{text[13:]}"
