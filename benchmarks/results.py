"""What was measured: samples by row and tool, their medians, and the one table that is printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

REFERENCE = "procession"
SCALES = {
    "ms": 1e3,
    "s": 1.0,
    "MiB": 1 / 2**20,
    "MiB/s": 1.0,
    "": 1.0,
}  # what a sample (seconds, bytes, a count) is shown in
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. Samples are in seconds, bytes, counts or MiB/s; `unit` is what they are shown in."""

    key: str
    title: str
    unit: str
    best: Callable[[Iterable[float]], float] = min


@dataclass(frozen=True, slots=True)
class Result:
    """All samples of one row for one tool; none: why not."""

    row: Row
    peer: str
    samples: tuple[float, ...] = ()
    why_not: str = ""
    is_failure: bool = False

    @property
    def median(self) -> float | None:
        return median(self.samples) if self.samples else None


def format_table(results: Sequence[Result], versions: dict[str, str]) -> str:
    """Rows are measurements, columns tools; a cell is a median and its ratio to Procession's, or to the best one's.

    Cells without a number are explained below it.
    """
    rows = list(dict.fromkeys(result.row for result in results))
    cells = {(result.row, result.peer): result for result in results}
    header = ["", *versions]
    under = [f"median (ratio to {REFERENCE}'s or, without it, to the best)", *versions.values()]
    body = [
        [_title(row), *(_format_cell(cells.get((row, peer)), _find_base(results, row)) for peer in versions)]
        for row in rows
    ]
    return _align([header, under, *body]) + _format_reasons(results)


def _title(row: Row) -> str:
    return f"{row.title}, {row.unit}" if row.unit else row.title


def _find_base(results: Sequence[Result], row: Row) -> float | None:
    """What the ratios of a row are taken to. A zero has none."""
    medians = {result.peer: result.median for result in results if result.row == row and result.median is not None}
    if not medians:
        return None
    return medians.get(REFERENCE, row.best(medians.values())) or None


def _format_cell(result: Result | None, base: float | None) -> str:
    if result is None or result.median is None:
        return "failed" if result is not None and result.is_failure else NOTHING
    value = _format_number(result.median * SCALES[result.row.unit])
    return value if base is None else f"{value} (×{_format_number(result.median / base)})"


def _format_number(value: float) -> str:
    """Three digits that say something: 1,234 and 123 and 12.3 and 1.23."""
    if value == 0:
        return "0"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def _align(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    ]
    text.insert(2, "-" * len(text[0]))
    return "\n".join(line.rstrip() for line in text)


def _format_reasons(results: Sequence[Result]) -> str:
    """One line a tool and reason, with all the rows that it explains."""
    rows: dict[tuple[str, str], list[str]] = {}
    for result in results:
        if result.why_not:
            rows.setdefault((result.peer, result.why_not), []).append(result.row.key)
    return "".join(
        ["\n"] * bool(rows) + [f"\n{peer}: {', '.join(keys)}: {why_not}" for (peer, why_not), keys in rows.items()]
    )


def to_json(results: Sequence[Result], versions: dict[str, str]) -> str:
    """All samples, in seconds, bytes or counts."""
    data = {
        "versions": versions,
        "results": [
            {
                "row": result.row.key,
                "title": result.row.title,
                "tool": result.peer,
                "median": result.median,
                "samples": result.samples,
                "why_not": result.why_not,
            }
            for result in results
        ],
    }
    return json.dumps(data, indent=2) + "\n"
