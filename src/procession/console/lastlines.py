"""The last lines that an instance in trouble has said: most often, they say why."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from procession.console import text
from procession.control import wire
from procession.recorder.reading.logs import Wanted, read_logs
from procession.recorder.reading.parts import log_paths, parts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

LINES = 10
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
    lines = last_lines(stack_directory, instance)
    if not lines:
        return [ink("dim", f"{instance} has said nothing.")]
    return [f"Last lines of {instance}:", *(f"    {line}" for line in lines)]


def last_lines(stack_directory: str, instance: str) -> list[str]:
    """The newest LINES lines of the instance's log, oldest first."""
    path = log_paths(stack_directory).get(instance)
    if path is None:
        return []
    records = read_logs({instance: parts_of(path)}, Wanted(last=LINES))
    return [record.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for record in records]
