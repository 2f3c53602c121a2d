"""The rows of the table: what fits into the width, and the same row again for what has not changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text

from procession.console.text import cut
from procession.top.charts import CPU_LEAST_PERCENT, History, chart
from procession.watching.picture import MARKS, InstanceRow, Picture, ProcessRow

STYLES = {"good": "green", "bad": "bold red", "busy": "yellow", "off": "dim"}
NAME_COLUMNS_MAX = 24
STATE_COLUMNS = 15  # of "◐ crash-looping"
CHART_COLUMNS_MAX = 36
CHART_COLUMNS_MIN = 6
FIXED = (("PID", 8, 100), ("UPTIME", 9, 0), ("RESTARTS", 9, 66))
"""A column, its width, and how wide the terminal must be to have it."""
GAUGE_COLUMNS = 9  # "  101 %", " 85.5 MB"


@dataclass(frozen=True, slots=True)
class Row:
    """One line to select, with the notes under it. `name` is what a verb is asked for, `key` tells lives apart."""

    key: str
    name: str
    text: Text


@dataclass(frozen=True, slots=True)
class Columns:
    """How wide each column is."""

    name: int
    fixed: tuple[tuple[str, int], ...]
    chart: int

    def head(self) -> str:
        numbers = "".join(title.rjust(width) for title, width in self.fixed)
        gauges = f"{'CPU':>{GAUGE_COLUMNS}} {'':{self.chart}}{'MEMORY':>{GAUGE_COLUMNS}}"
        return f"{'NAME'.ljust(self.name)}  {'STATE'.ljust(STATE_COLUMNS)}{numbers}{gauges}"


def columns(seen: Picture, width: int) -> Columns:
    """The charts take what is left, half each; where too little is, there are none."""
    names = [len(process.name) for process in seen.processes]
    names += [len(one.name) + 2 for process in seen.processes for one in process.instances if not _is_alone(process)]
    fixed = tuple((title, columns) for title, columns, least in FIXED if width >= least)
    name = min(NAME_COLUMNS_MAX, max(names, default=4))
    left = width - name - 2 - STATE_COLUMNS - sum(wide for _, wide in fixed) - 2 * GAUGE_COLUMNS
    each = left // 2 - 1
    return Columns(name, fixed, min(CHART_COLUMNS_MAX, each) if each >= CHART_COLUMNS_MIN else 0)


def rows(seen: Picture, history: History, *, width: int, only: str = "") -> list[Row]:
    """A row for each process, and below it one for each instance where there is not just one. `only`: the filter."""
    wide = columns(seen, width)
    return [
        row
        for process in seen.processes
        if _matches(process, only)
        for row in _of_process(process, history, wide, width)
    ]


def _matches(process: ProcessRow, only: str) -> bool:
    words = [process.name, process.backend, *(f"{one.name} {one.state}" for one in process.instances)]
    return all(any(part in word for word in words) for part in only.casefold().split())


def _is_alone(process: ProcessRow) -> bool:
    return len(process.instances) == 1


def _of_process(process: ProcessRow, history: History, wide: Columns, width: int) -> Iterator[Row]:
    if _is_alone(process):
        (one,) = process.instances
        yield Row(process.name, process.name, _instance(process.name, one, history, wide, width, process.not_held))
        return
    yield Row(process.name, process.name, _head(process, wide, width))
    for one in process.instances:
        yield Row(one.key, one.name, _instance(f"  {one.name}", one, history, wide, width))


def _head(process: ProcessRow, wide: Columns, width: int) -> Text:
    ready = sum(one.tone == "good" for one in process.instances if not one.is_old)
    told = f"{ready} of {process.replicas} ready" if process.instances else "no instances"
    line = Text(f"{cut(process.name, wide.name).ljust(wide.name)}  {told}", "bold" if process.instances else "dim")
    line.append(cut(f"  {about(process)}", max(0, width - len(line.plain))), "dim")
    return _with_notes(line, [(f"not held to {what}", "busy") for what in process.not_held], width)


def about(process: ProcessRow) -> str:
    """What it is, and where it can be reached."""
    words = (process.backend, "task" if process.is_task else "", "singleton" if process.is_singleton else "")
    return " · ".join([", ".join(word for word in words if word), *process.listeners])


def _instance(
    name: str, one: InstanceRow, history: History, wide: Columns, width: int, not_held: tuple[str, ...] = ()
) -> Text:
    line = Text(f"{cut(name, wide.name).ljust(wide.name)}  ")
    line.append(cut(f"{MARKS[one.tone]} {one.state}", STATE_COLUMNS).ljust(STATE_COLUMNS), STYLES[one.tone])
    known = {"PID": one.pid, "UPTIME": one.uptime, "RESTARTS": one.restarts if one.restarts != "0" else ""}
    for title, columns_wide in wide.fixed:
        line.append(known[title].rjust(columns_wide), "yellow" if title == "RESTARTS" else "")
    if one.is_alive:
        cpu = chart(history.cpu(one), width=wide.chart, least=CPU_LEAST_PERCENT)[0]
        memory = chart(history.memory(one), width=wide.chart)[0]
        line.append(f"{history.cpu_text(one):>{GAUGE_COLUMNS}} ").append(cpu, "cyan")
        line.append(f"{one.memory:>{GAUGE_COLUMNS}} ").append(memory, "blue")
    notes = [(one.note, one.tone)] if one.note else []
    return _with_notes(line, [*notes, *((f"not held to {what}", "busy") for what in not_held)], width)


def _with_notes(line: Text, notes: list[tuple[str, str]], width: int) -> Text:
    """One line each; what does not fit is in full below the table, once it is selected."""
    line.rstrip()
    for note, tone in notes:
        line.append("\n").append(cut(f"    {note}", width), "dim" if tone == "good" else STYLES[tone])
    return line
