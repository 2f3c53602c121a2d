"""The words around the table: how it is, what the trouble is, what is selected."""

from __future__ import annotations

from rich.text import Text

from procession.console.lines import harmless
from procession.top.charts import History
from procession.top.rows import STYLES
from procession.top.rows import about as what
from procession.top.watcher import Seen
from procession.units import show_seconds
from procession.watching.picture import MARKS, InstanceRow, Picture, ProcessRow

NOTE_COLUMNS = 6  # that a row does not have for its note


def summary(seen: Picture | None, only: str, *, is_old: bool) -> Text:
    """The first line: how it is; of an old picture that is not known. `only`: the filter."""
    line = Text().append(harmless(seen.name, has_color=False) if seen else "procession top", "bold")
    if seen is None:
        return line
    if not is_old:
        line.append(f"  {MARKS[seen.tone]} {seen.summary}", STYLES[seen.tone])
    if seen.engine:
        line.append(f"  {seen.supervisor}", "dim")
    if seen.is_ending:
        line.append(" - everything is going down", "yellow")
    if only:
        line.append(f"  only {only!r}: Escape shows all", "reverse")
    return line


def trouble(seen: Seen, ago: float, *, is_old: bool) -> Text:
    """Why nothing new is seen, and what to do. `ago`: seconds since the last answer."""
    old = f"no answer for {show_seconds(ago)}: what you see is old" if is_old else ""
    told = "; ".join(part for part in (harmless(seen.trouble, has_color=False), old) if part)
    line = Text().append(f"▲ {told}", "bold red")
    if seen.fix:
        line.append(f"\n  {harmless(seen.fix, has_color=False)}")
    return line


def about(process: ProcessRow | None, width: int) -> Text:
    """What is selected, and in full what the table had to cut."""
    if process is None:
        return Text()
    notes = [one.note for one in process.instances if len(one.note) > width - NOTE_COLUMNS]
    line = Text(process.name if process.is_whole else process.instances[0].name, "bold")
    line.append(f"  {what(process)}", "not bold")
    for note in notes:
        line.append(f"\n{note}", "not bold")
    return line


def chart_title(name: str, alive: list[InstanceRow], history: History) -> str:
    """`name` is cpu or memory; the chart is that of the first that is alive."""
    if not alive:
        return "CPU" if name == "cpu" else "Memory"
    one = alive[0]
    return f"CPU of {one.name}: {history.cpu_text(one)}" if name == "cpu" else f"Memory of {one.name}: {one.memory}"
