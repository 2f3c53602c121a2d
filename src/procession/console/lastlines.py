"""The last lines that an instance in trouble has said: most often, they say why."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from procession.console import text
from procession.console.lines import harmless
from procession.control import wire
from procession.recorder.reading.logs import Wanted, read_logs
from procession.recorder.reading.parts import log_paths, parts_of
from procession.recorder.reading.records import Record
from procession.units import show_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

LINES = 25
LINES_READ = 100  # a traceback through a server and Django is 40 lines, and gunicorn ends with two of its own
LIBRARY_FRAME = re.compile(r' +File "(<frozen |[^"]*/(site-packages|dist-packages|lib/python3[^/]*)/)[^"]*", line \d+')
FRESH_SECONDS = 60.0  # older lines may be about something else: their age is said
INSTANCES_MAX = 5  # more would push the first error off the screen


def show(troubled: Sequence[wire.Message], options: argparse.Namespace, stream: TextIO) -> None:
    """Print the last lines of each of these instances to `stream`, indented."""
    ink = text.Ink(stream, no_color=options.no_color)
    for view in troubled[:INSTANCES_MAX]:
        for line in block(options.stack_directory, view["name"], ink):
            print(line, file=stream)
    if len(troubled) > INSTANCES_MAX:
        print(f"And {len(troubled) - INSTANCES_MAX} more; see: procession logs", file=stream)


def block(stack_directory: str, instance: str, ink: text.Ink) -> list[str]:
    """A heading and the last lines, or one line that says that there are none."""
    path = log_paths(stack_directory).get(instance)
    records = [] if path is None else list(read_logs({instance: parts_of(path)}, Wanted(last=LINES_READ)))
    if not records:
        return [ink("dim", f"{instance} has said nothing.")]
    lines = fold_libraries(record.text for record in records)[-LINES:]
    return [
        f"Last lines of {instance}{_age(records[-1])}:",
        *(f"    {harmless(line, ink.is_on)}" for line in lines),
    ]


def fold_libraries(lines: Iterable[str]) -> list[str]:
    """The lines, with `...` for the calls within libraries in a traceback: the site's own are among forty of theirs."""
    folded: list[str] = []
    depth = -1  # of the `File` line of the call that is being left out; -1: none is
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if LIBRARY_FRAME.match(line):
            if depth < 0:
                folded.append(f"{' ' * indent}...")
            depth = indent
        elif not 0 <= depth < indent:
            depth = -1
            folded.append(line)
    return folded


def _age(record: Record) -> str:
    try:
        age_seconds = (datetime.now(UTC) - datetime.fromisoformat(record.time)).total_seconds()
    except ValueError:  # a line that is not the recorder's has no time
        return ""
    return f" ({show_seconds(age_seconds)} old)" if age_seconds > FRESH_SECONDS else ""
