"""The state machine of an alert: every pair of a stage and a happening has a cell, as in `table`.

An alert is about one process, whatever its instances go through, or about the disk. It is told when it opens, once more
for each worse thing that comes to it, and once when it closes: however often something dies, that is all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final


class Stage(StrEnum):
    NONE = "none"  # nothing is known against it
    DOUBTED = "doubted"  # something is not well, and may pass by itself: nobody was told
    OPEN = "open"  # people were told
    MENDING = "mending"  # people were told, and all has been well for a moment


class Happening(StrEnum):
    NEWS = "news"  # a kind of trouble of which nobody was told yet
    DOUBT = "doubt"  # trouble of a kind that may pass by itself
    AGAIN = "again"  # trouble that was told, or something that is not well yet
    WELL = "well"  # nothing is in trouble any more
    RESTED = "rested"  # a person stopped it, or it is declared no more
    DUE = "due"  # its deadline has passed


class Effect(Enum):
    TELL = auto()
    TELL_RECOVERED = auto()
    TELL_RESTED = auto()
    ARM_DOUBT = auto()  # if it lasts that long, it is told
    ARM_QUIET = auto()  # if it is well that long, it is over
    DISARM = auto()


@dataclass(frozen=True, slots=True)
class Step:
    stage: Stage
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    why: str


Cell = Step | Ignored
N, D, O, M = Stage.NONE, Stage.DOUBTED, Stage.OPEN, Stage.MENDING  # noqa: E741 - the table is read as a table
H = Happening

TABLE: Final[Mapping[tuple[Stage, Happening], Cell]] = {
    (N, H.NEWS): Step(O, (Effect.TELL,)),
    (N, H.DOUBT): Step(D, (Effect.ARM_DOUBT,)),
    (N, H.AGAIN): Ignored("nobody was told of it"),
    (N, H.WELL): Ignored("it was well before"),
    (N, H.RESTED): Ignored("nobody was told of it"),
    (N, H.DUE): Ignored("nothing is timed"),
    (D, H.NEWS): Step(O, (Effect.DISARM, Effect.TELL)),
    (D, H.DOUBT): Ignored("its time runs already"),
    (D, H.AGAIN): Ignored("its time runs already"),
    (D, H.WELL): Step(N),
    (D, H.RESTED): Step(N),
    (D, H.DUE): Step(O, (Effect.DISARM, Effect.TELL)),
    (O, H.NEWS): Step(O, (Effect.TELL,)),
    (O, H.DOUBT): Ignored("worse was told"),
    (O, H.AGAIN): Ignored("it was told"),
    (O, H.WELL): Step(M, (Effect.ARM_QUIET,)),
    (O, H.RESTED): Step(N, (Effect.TELL_RESTED,)),
    (O, H.DUE): Ignored("nothing is timed"),
    (M, H.NEWS): Step(O, (Effect.DISARM, Effect.TELL)),
    (M, H.DOUBT): Step(O, (Effect.DISARM,)),
    (M, H.AGAIN): Step(O, (Effect.DISARM,)),
    (M, H.WELL): Ignored("its time runs already"),
    (M, H.RESTED): Step(N, (Effect.TELL_RESTED,)),
    (M, H.DUE): Step(N, (Effect.TELL_RECOVERED,)),
}
