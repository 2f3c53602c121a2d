"""Records, one per line, out of one part: forwards from a moment on, or backwards from the end.

A time stays the text it is in the file, `2026-11-21T07:31:00.123Z`: it sorts as time does, and nothing is to be parsed.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, NamedTuple

from procession.recorder.reading.parts import BLOCK_BYTES, Part
from procession.recorder.rotation import GZ

TIME_CHARACTERS = 24


class Record(NamedTuple):
    """One line. Bytes that are no UTF-8 are kept as surrogates in `text` ("surrogateescape")."""

    time: str
    instance: str
    text: str


def forwards(part: Part, instance: str, since: str = "") -> Iterator[Record]:
    """The records of this part, oldest first, leaving out what lies before `since`. Removed meanwhile: none."""
    with _open(part) as file:
        end = _size(file, part)
        file.seek(_first_since(file, since, end) if since else 0)
        time = ""
        for line in _lines(file, end):
            record = record_of(line, instance, time)
            time = record.time
            if time >= since:
                yield record


def backwards(part: Part, instance: str) -> Iterator[Record]:
    """The records of this part, newest first. A line without a time gets that of the line after it."""
    with _open(part) as file:
        time = part.until
        for line in _lines_backwards(file, _size(file, part)):
            record = record_of(line, instance, time)
            time = record.time
            yield record


def record_of(line: bytes, instance: str, time_before: str) -> Record:
    """The record in a line (without its end). A line that we did not stamp is of the time of the one before it."""
    if line[23:25] == b"Z " and line[10:11] == b"T":
        time_before = line[:TIME_CHARACTERS].decode("ascii", "replace")
        line = line[TIME_CHARACTERS + 1 :]
    return Record(time_before, instance, line.decode("utf-8", "surrogateescape"))


def _open(part: Part) -> BinaryIO:
    for path in _places(part):
        try:
            return BytesIO(gzip.open(path).read()) if path.endswith(GZ) else open(path, "rb")
        except FileNotFoundError:
            continue
    return BytesIO()  # it fell off the end


def _places(part: Part) -> list[str]:
    """Where it may be: a current one may have been rotated since it was looked at, a rotated one compressed."""
    if part.end is None:
        return [part.path, part.path + GZ]
    folder, base = os.path.split(part.path)
    with os.scandir(folder) as entries:
        return [entry.path for entry in entries if entry.inode() == part.inode and entry.name.startswith(base)]


def _size(file: BinaryIO, part: Part) -> int:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size if part.end is None else min(size, part.end)


def _lines(file: BinaryIO, end: int) -> Iterator[bytes]:
    left = end - file.tell()
    for line in file:
        if len(line) > left:
            line = line[:left]
        left -= len(line)
        if line:
            yield line.removesuffix(b"\n")
        if left <= 0:
            return


def _lines_backwards(file: BinaryIO, end: int) -> Iterator[bytes]:
    rest: list[bytes] = []  # what is known of the line that begins before `end`, last piece first
    position = end
    while position > 0:
        start = max(0, position - BLOCK_BYTES)
        file.seek(start)
        block = file.read(position - start)
        if position == end:
            block = block.removesuffix(b"\n")
        position = start
        first, *lines = block.split(b"\n")
        if lines:
            yield lines.pop() + b"".join(reversed(rest))
            rest.clear()
            yield from reversed(lines)
        rest.append(first)
    if end > 0:
        yield b"".join(reversed(rest))


def _first_since(file: BinaryIO, since: str, end: int) -> int:
    """The offset of a line start, at most one block before the first line at or after `since`, by bisection."""
    low, high = 0, end
    while high - low > BLOCK_BYTES:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()  # the rest of the line that we fell into
        start = file.tell()
        time = record_of(file.readline(), "", "").time
        if start < high and time and time < since:
            low = start
        else:
            high = middle
    return low
