"""Text for people: colours on a terminal, tables, suggestions. Imports little: every verb waits for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from procession.errors import Problem

COLUMNS_DEFAULT = 80
PLACES_MAX = 3  # of one warning
CODES = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "dim": "2",
    "bold": "1",
}


class Ink:
    """Colours text, or leaves it alone where `stream` is no terminal or the person wants none (https://no-color.org)."""

    def __init__(self, stream: TextIO, *, no_color: bool = False) -> None:
        self.is_on = not no_color and wants_color(stream)

    def __call__(self, color: str, text: str) -> str:
        return f"\x1b[{CODES[color]}m{text}\x1b[0m" if self.is_on and color and text else text


class Cell:
    """A table cell: its width is that of `text`, its look that of `color`."""

    __slots__ = ("color", "is_number", "text")

    def __init__(self, text: str, color: str = "", *, is_number: bool = False) -> None:
        self.text = text
        self.color = color
        self.is_number = is_number


def wants_color(stream: TextIO) -> bool:
    environment = os.environ
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return False
    return bool(environment.get("FORCE_COLOR")) or stream.isatty()


def columns(stream: TextIO) -> int:
    """The width of the terminal behind `stream`."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or COLUMNS_DEFAULT
    except (OSError, ValueError):
        return COLUMNS_DEFAULT


def table(head: Sequence[str], rows: Sequence[Sequence[Cell]], ink: Ink) -> list[str]:
    """The lines of a table: columns as wide as their widest cell, two blanks between, nothing after the last.

    A column that is empty in every row is left out.
    """
    shown = [index for index in range(len(head)) if any(row[index].text for row in rows)]
    widths = [max(len(head[index]), *(len(row[index].text) for row in rows)) for index in shown]
    titles = [Cell(head[index], "bold", is_number=rows[0][index].is_number) for index in shown]
    lines = [titles, *([row[index] for index in shown] for row in rows)]
    return ["  ".join(map(_pad, line, widths, [ink] * len(line))).rstrip() for line in lines]


def cut(text: str, width: int) -> str:
    """`text` in at most `width` columns."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def say(text: str) -> None:
    """One line of talk, on stderr: data alone goes to stdout."""
    print(text, file=sys.stderr, flush=True)


def error_lines(what: str, fix: str, ink: Ink) -> list[str]:
    """What a person reads last when something went wrong."""
    return [f"{ink('red', 'error:')} {what}", *([f"    {fix}"] if fix else [])]


def problem_lines(problems: Iterable[Problem], ink: Ink) -> list[str]:
    """All problems, warnings first, so that what must be mended stands last, and then how many there are.

    Warnings that say the same of several places are one: a site with 200 workers is not told 200 times.
    """
    ordered = sorted(problems, key=lambda problem: problem.is_error)
    lines = []
    for problem in _alike_joined(ordered):
        head, *rest = problem.lines()
        label = ink("red", "error:") if problem.is_error else ink("yellow", "warning:")
        lines += [f"{label} {head}", *(ink("dim", line) for line in rest)]
    return [*lines, *([problem_count(ordered)] if ordered else [])]


def _alike_joined(problems: Iterable[Problem]) -> list[Problem]:
    groups: dict[object, list[Problem]] = {}
    for problem in problems:
        told = (problem.where, problem.origin) if problem.is_error else ()
        groups.setdefault((problem.id, problem.what, problem.fix, problem.detail, told), []).append(problem)
    return [_joined(group) for group in groups.values()]


def _joined(group: Sequence[Problem]) -> Problem:
    """One problem in all their places; each place names its process, so the first origin shows where to look."""
    from dataclasses import replace  # here, because only mistakes need it

    places = [problem.where for problem in group]
    more = [f"{len(places) - PLACES_MAX} more"] if len(places) > PLACES_MAX else []
    return replace(group[0], where=", ".join([*places[:PLACES_MAX], *more]))


def problem_count(problems: Sequence[Problem]) -> str:
    """`2 problems, 1 warning`."""
    errors = sum(problem.is_error for problem in problems)
    return ", ".join(
        plural(count, noun) for count, noun in ((errors, "problem"), (len(problems) - errors, "warning")) if count
    )


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}{'es' if noun.endswith('s') else 's'}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """`, did you mean "status"?`, or nothing when no known word is close."""
    from procession.stack import values  # here, because only mistakes need it

    near = values.suggestion(word, known)
    return f", {near}" if near else ""


def _pad(cell: Cell, width: int, ink: Ink) -> str:
    blank = " " * (width - len(cell.text))
    painted = ink(cell.color, cell.text)
    return blank + painted if cell.is_number else painted + blank


def count_of_lines(written: str) -> int | None:
    """--lines N; None for `all`. Raises ValueError for what is no number."""
    if written == "all":
        return None
    if not written.isdecimal():
        raise ValueError(f"--lines: a number or `all`, not {written!r}")
    return int(written)
