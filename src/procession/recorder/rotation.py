"""When a log file is full or old, and what its rotated ones are called.

A rotated file is named after the moment of its rotation: `web.1.log.20261121T073100.123Z`. So a rotation is one
rename and at most one unlink however many are kept, a name means the same file for ever (a reader or a compressor
never finds another one under it), names sort as time does, and `--since` can pass over a file without opening it.
With `.1`, `.2`, ... each rotation would rename every one of them.
"""

from __future__ import annotations

import os
from time import gmtime, strftime

GZ = ".gz"
PARTIAL = ".partial"  # a compressed file that is still being written
SUFFIX_CHARACTERS = len(".20261121T073100.123Z")
COMPRESS_AFTER_SECONDS = 30.0


class Policy:
    """When to rotate, and what to keep. `max_age_seconds` None: by size alone."""

    __slots__ = ("compress", "keep", "max_age_seconds", "max_bytes")

    def __init__(
        self, max_bytes: int = 20 << 20, keep: int = 10, max_age_seconds: float | None = None, compress: bool = True
    ) -> None:
        self.max_bytes = max_bytes
        self.keep = keep
        self.max_age_seconds = max_age_seconds
        self.compress = compress


class Rotated:
    """The rotated files of one log, oldest first, as they are on disk; without `.gz` in `names`, all are full paths."""

    __slots__ = ("_compressed", "names", "path", "turned_at")

    def __init__(self, path: str) -> None:
        self.path = path
        self.names: list[str] = []
        self._compressed: set[str] = set()
        self.turned_at = 0.0  # monotonic seconds of the newest rotation; 0.0: before this recorder began
        self._scan()

    def turn(self, now_ns: int, monotonic_seconds: float, keep: int) -> None:
        """Rename the log to its rotated name, then remove what is too much. Raises OSError if it cannot be renamed."""
        name = self._free_name(now_ns // 1_000_000)
        os.rename(self.path, name)
        self.names.append(name)
        self.turned_at = monotonic_seconds
        self.prune(keep)

    def prune(self, keep: int) -> None:
        """Remove the oldest until `keep` are left. One that cannot be removed is tried no more by this recorder."""
        while len(self.names) > keep:
            name = self.names.pop(0)
            self._compressed.discard(name)
            _remove(name)
            _remove(name + GZ)

    def to_compress(self) -> str | None:
        """The oldest file that is not compressed yet; never the newest rotated one, which is what people look into."""
        for name in self.names[:-1]:
            if name not in self._compressed:
                return name
        return None

    def compressed(self, name: str) -> None:
        """`name` was compressed, or cannot be (then it is not asked for again). Pruned meanwhile: remove the result."""
        if name in self.names:
            self._compressed.add(name)
        else:
            _remove(name + GZ)

    def _free_name(self, milliseconds: int) -> str:
        """A name later than every one there is, also when the clock was set back or two fall in one millisecond."""
        name = f"{self.path}.{suffix(milliseconds)}"
        if self.names and name <= self.names[-1]:
            name = f"{self.path}.{suffix(milliseconds_of(self.names[-1]) + 1)}"
        return name

    def _scan(self) -> None:
        folder, base = os.path.split(self.path)
        names = set()
        for name in os.listdir(folder):
            if not name.startswith(base + "."):
                continue
            if name.endswith(PARTIAL):
                _remove(os.path.join(folder, name))  # its compressor died
                continue
            stem = name.removesuffix(GZ)
            if is_rotated_name(stem, base):
                names.add(os.path.join(folder, stem))
                if name.endswith(GZ):
                    self._compressed.add(os.path.join(folder, stem))
        self.names = sorted(names)


def suffix(milliseconds: int) -> str:
    """`20261121T073100.123Z` for milliseconds since the epoch."""
    second, rest = divmod(milliseconds, 1000)
    return f"{strftime('%Y%m%dT%H%M%S', gmtime(second))}.{rest:03d}Z"


def milliseconds_of(name: str) -> int:
    """The inverse of `suffix`, for a name that ends in one. Raises ValueError for another name."""
    text = name[1 - SUFFIX_CHARACTERS :]
    year, month, day = int(text[0:4]), int(text[4:6]), int(text[6:8])
    hour, minute, second, rest = int(text[9:11]), int(text[11:13]), int(text[13:15]), int(text[16:19])
    return ((_days_since_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + rest


def is_rotated_name(name: str, base: str) -> bool:
    """Whether `name` (without folder and `.gz`) is a rotated file of the log called `base`."""
    tail = name[len(base) :]
    shape = "".join("0" if character.isdecimal() else character for character in tail)
    return name.startswith(base) and shape == ".00000000T000000.000Z"


def _days_since_epoch(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the Gregorian calendar (H. Hinnant, days_from_civil); calendar.timegm needs datetime."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # gone already, or not to be removed: the next rotation is not stopped by it
