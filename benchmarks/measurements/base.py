"""What a measurement is: a value that knows its rows and how to take their samples from a tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.results import Row
from benchmarks.trial import Trial

Samples = Mapping[str, list[float]]  # by the key of the row


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done in one round, in which every tool has its turn at every measurement."""

    rounds: int
    instances: int  # of all measurements but `restart`
    restart_instances: int
    kills: int
    mass_kills: int
    statuses: int
    idle_seconds: float
    flood_mebibytes: int


FULL = Scale(
    rounds=3,
    instances=100,
    restart_instances=10,
    kills=20,
    mass_kills=3,
    statuses=10,
    idle_seconds=20.0,
    flood_mebibytes=512,
)
QUICK = Scale(
    rounds=1,
    instances=5,
    restart_instances=2,
    kills=2,
    mass_kills=1,
    statuses=2,
    idle_seconds=1.0,
    flood_mebibytes=8,
)


class NotOffered(Exception):
    """The tool has no such thing; the message says what it does instead."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """`take` is given a trial that has not been started."""

    name: str
    rows: tuple[Row, ...]
    take: Callable[[Trial, Scale], Samples]
    count_instances: Callable[[Scale], int] = lambda scale: scale.instances
