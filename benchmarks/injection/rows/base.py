"""What a fault is: a value with a function that causes it and says, in a few words, what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.injection.trial import Trial


class NotOffered(Exception):
    """The tool has no such thing; the message says what it does instead, or nothing."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How long the faults that take their time are looked at."""

    crash_seconds: float
    stop_seconds: float
    lines: int


FULL = Scale(crash_seconds=20.0, stop_seconds=60.0, lines=40_000)
QUICK = Scale(crash_seconds=3.0, stop_seconds=15.0, lines=4_000)


@dataclass(frozen=True, slots=True)
class Fault:
    """`cause` is given a trial that has not been started, and its answer is a cell of the table."""

    name: str
    title: str
    cause: Callable[[Trial, Scale], str]
