"""Lines of the last minutes, in eighths of a character. Kept by who looks, from when he began to."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from procession.watching.picture import InstanceRow

CELL_SECONDS = 5.0  # one column of a chart: it moves on that often, and a slow line carries little
KEEP_SECONDS = 400.0
CPU_LEAST_PERCENT = 20.0  # the top of a chart is no lower: what does nothing draws no mountains
BLOCKS = " ▁▂▃▄▅▆▇█"


class Reading(NamedTuple):
    at: float
    cpu_seconds: float
    cpu_percent: float | None  # since the reading before; None for the first
    memory_bytes: int


class History:
    """The readings of each life of each instance."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], deque[Reading]] = {}

    def note(self, rows: Iterable[InstanceRow], at: float) -> None:
        """What they use at that second; who is not among them is forgotten."""
        self._kept = {(row.key, row.life): self._longer(row, at) for row in rows if row.is_alive}

    def cpu(self, row: InstanceRow) -> list[tuple[float, float]]:
        """(second, percent of one processor), oldest first."""
        return [(one.at, one.cpu_percent) for one in self._of(row) if one.cpu_percent is not None]

    def memory(self, row: InstanceRow) -> list[tuple[float, float]]:
        """(second, bytes), oldest first."""
        return [(one.at, float(one.memory_bytes)) for one in self._of(row)]

    def cpu_text(self, row: InstanceRow) -> str:
        """Now; at the first look on average since its start."""
        measured = self.cpu(row)
        if not measured:
            return row.cpu
        percent = measured[-1][1]
        return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"

    def _of(self, row: InstanceRow) -> Iterable[Reading]:
        return self._kept.get((row.key, row.life), ())

    def _longer(self, row: InstanceRow, at: float) -> deque[Reading]:
        kept = self._kept.get((row.key, row.life), deque())
        while kept and kept[0].at <= at - KEEP_SECONDS:
            kept.popleft()
        percent = None
        if kept and at > kept[-1].at:
            percent = max(0.0, 100 * (row.used.cpu_seconds - kept[-1].cpu_seconds) / (at - kept[-1].at))
        kept.append(Reading(at, row.used.cpu_seconds, percent, row.used.memory_bytes))
        return kept


def chart(points: Iterable[tuple[float, float]], *, width: int, height: int = 1, least: float = 1.0) -> list[str]:
    """`height` lines of `width` characters, now at the right; the top is the most that there was, or `least`.

    A column is the most of its CELL_SECONDS, which are cut the same at each look, so that a chart moves as a whole.
    """
    cells: dict[int, float] = {}
    for at, value in points:
        cell = int(at // CELL_SECONDS)
        cells[cell] = max(value, cells.get(cell, 0.0))
    if not cells:
        return [" " * width] * height
    last, most = max(cells), max(least, *cells.values())
    columns = [cells.get(cell) for cell in range(last - width + 1, last + 1)]
    return ["".join(_block(value, most, height, line) for value in columns) for line in reversed(range(height))]


def _block(value: float | None, most: float, height: int, line: int) -> str:
    """Of a column the character that stands `line` lines above the ground; what is measured is never nothing."""
    if value is None:
        return BLOCKS[0]
    eighths = max(1, round(8 * height * value / most))
    return BLOCKS[min(8, max(0, eighths - 8 * line))]
