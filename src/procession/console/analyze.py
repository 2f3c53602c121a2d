"""`procession analyze`: where the time of the last start went, as a chart; with --imports, package by package."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Sequence

from procession.console import declared, text
from procession.doctor.imports import Package
from procession.doctor.startup import Start, last_starts
from procession.recorder.reading.history import Wanted, history_path, read_events
from procession.refusal import ExitCode, Refusal
from procession.stack.codec import to_data
from procession.units import show_seconds

SUMMARY = "Show where the time of the last start went"
EXAMPLES = ("procession analyze", "procession analyze web --imports")
DETAILS = """\
`.` is waiting for what it depends on, `#` from the start of its program until it was ready (a task: until it was done).
--imports loads the site once more, as a web server's worker would, and shows what each package took of that."""
EVENTS_MAX = 5000
BAR_COLUMNS_MAX = 60
BAR_COLUMNS_MIN = 10
NOTES_COLUMNS = 48
PACKAGES_SHOWN = 15
WAITS, LOADS = ".", "#"
TOGETHER_SECONDS = 60.0  # starts that began so much apart are no common start


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these processes or instances")
    declared.add_arguments(parser)
    parser.add_argument("--imports", action="store_true", help="load the site, and show what each package takes")
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(options: argparse.Namespace) -> int:
    ink = text.Ink(sys.stdout, no_color=options.no_color)
    if options.imports:
        found = _imports(options)
        _print(found, packages_chart(found, _columns(), ink), options)
        return ExitCode.DONE
    starts = _starts(options)
    _print(starts, starts_chart(starts, _columns(), ink), options)
    return ExitCode.DONE if all(start.is_good for start in starts) else ExitCode.NOT_SO


def _print(found: Sequence[Start] | Sequence[Package], chart: list[str], options: argparse.Namespace) -> None:
    print(json.dumps(to_data(tuple(found)), indent=2) if options.json else "\n".join(chart))


def _starts(options: argparse.Namespace) -> list[Start]:
    """Raises Refusal where there is nothing to be shown."""
    try:
        events = read_events(options.stack_directory, Wanted(names=options.names, last=EVENTS_MAX))
    except FileNotFoundError:
        events = []
    except sqlite3.Error as error:
        raise Refusal(f"cannot read {history_path(options.stack_directory)}: {error}") from error
    starts = last_starts(events)
    if not starts:
        whose = f" of {', '.join(options.names)}" if options.names else ""
        raise Refusal(
            f"no start{whose} is in the history of {options.stack_directory}",
            "start it: procession up",
            code=ExitCode.NOT_SO,
        )
    return starts


def _imports(options: argparse.Namespace) -> list[Package]:
    """Raises Refusal."""
    from procession.console.history_taking import time_imports  # here, because the chart of starts needs none of it

    loaded = declared.load_or_say(options)
    if loaded is None:
        raise Refusal("the site does not load", "mend that first: procession doctor", code=ExitCode.NOT_SO)
    return time_imports(loaded.stack(), tuple(options.names))


def starts_chart(starts: Sequence[Start], columns: int, ink: text.Ink) -> list[str]:
    """A row for each start; on one axis where they began together, each on its own otherwise."""
    first = min(start.began for start in starts)
    are_together = max(start.began for start in starts) - first < TOGETHER_SECONDS
    zero = {start.instance: first if are_together else start.began for start in starts}
    end = max(start.began + start.total_seconds - zero[start.instance] for start in starts)
    width = max(len(start.instance) for start in starts)
    bar = max(BAR_COLUMNS_MIN, min(BAR_COLUMNS_MAX, columns - width - NOTES_COLUMNS))
    scale = bar / end if end else 0.0
    axis = f"{'':{width}}  0 s{show_seconds(end):>{bar - 3}}"
    rows = [_row(start, start.began - zero[start.instance], scale, (width, bar), ink) for start in starts]
    apart = [] if are_together else ["Each from its own beginning: they were started at different times."]
    return [ink("dim", axis), *rows, *apart]


def _row(start: Start, offset_seconds: float, scale: float, widths: tuple[int, int], ink: text.Ink) -> str:
    width, bar = widths
    before = round(offset_seconds * scale)
    waits = round(start.waited_seconds * scale)
    loads = min(max(1, round((start.total_seconds - start.waited_seconds) * scale)), max(1, bar - before - waits))
    blank = " " * max(0, bar - before - waits - loads)
    drawn = f"{' ' * before}{ink('dim', WAITS * waits)}{ink('green' if start.is_good else 'red', LOADS * loads)}{blank}"
    return f"{start.instance:<{width}}  {drawn}  {_notes(start)}"


def _notes(start: Start) -> str:
    """`ready after 9.2 s: waited 2.1 s, spawn 0.0 s, load 7.1 s`."""
    parts = [f"waited {show_seconds(start.waited_seconds)}"] if start.waited_seconds else []
    parts += [f"spawn {show_seconds(start.spawn_seconds)}"] if start.started else []
    parts += [f"load {show_seconds(start.load_seconds)}"] if start.load_seconds else []
    outcome = start.outcome or (f"waits for {start.waits_for}" if not start.starting else "not ready yet")
    return f"{outcome} after {show_seconds(start.total_seconds)}: {', '.join(parts)}" if parts else outcome


def packages_chart(found: Sequence[Package], columns: int, ink: text.Ink) -> list[str]:
    """The slowest packages, and all others in one row."""
    if not found:
        return ["Nothing was imported."]
    total = sum(package.seconds for package in found)
    rest = found[PACKAGES_SHOWN:]
    others = Package(f"{len(rest)} others", sum(one.seconds for one in rest), sum(one.modules for one in rest))
    shown = [*found[:PACKAGES_SHOWN], *([others] if rest else [])]
    width = max(len(package.name) for package in shown)
    bar = max(BAR_COLUMNS_MIN, min(BAR_COLUMNS_MAX, columns - width - NOTES_COLUMNS // 2))
    largest = max(package.seconds for package in shown) or 1.0
    lines = [f"{show_seconds(total)} of imports, by package:"]
    for package in shown:
        drawn = f"{LOADS * max(1, round(package.seconds / largest * bar)):<{bar}}"
        modules = text.plural(package.modules, "module")
        lines.append(f"{package.name:<{width}}  {ink('green', drawn)}  {package.seconds * 1000:6.0f} ms  {modules}")
    return lines


def _columns() -> int:
    return text.columns(sys.stdout)
