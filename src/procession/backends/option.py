"""What a program accepts on its command line, as data: one `Option` for each (see `tables` for how they are asked)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Takes(StrEnum):
    """What follows an option on the command line."""

    NOTHING = "nothing"  # a flag
    ONE = "one"  # --workers=4
    MAYBE = "maybe"  # --x or --x=1
    TRUTH = "truth"  # --ws-per-message-deflate=false: a flag that wants to hear it as a word
    REPEATED = "repeated"  # --bind=a --bind=b
    JOINED = "joined"  # --queues=a,b
    SPREAD = "spread"  # --exclude a b


class Number(StrEnum):
    """What the program makes of an option's text, where that is a number: Python's own `int` or `float`."""

    WHOLE = "a whole number"
    ANY = "a number"


TABLES_KEPT: Final = 64  # more than there are programs

NUMBERS: Final = {int: Number.WHOLE, float: Number.ANY}


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a program: its spellings ("--bind", "-b"), and those that say the opposite ("--no-reload").

    `also` are names that people write though the command line does not know them (gunicorn's `accesslog`). `number` is
    None for an option whose text is no number, or of which the program does not say.
    """

    names: tuple[str, ...]
    takes: Takes = Takes.ONE
    opposites: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    number: Number | None = None

    def __hash__(self) -> int:
        """Of the names alone: whole tables are looked up by it, for each process of a large site."""
        return hash(self.names)

    @property
    def long(self) -> str:
        """The spelling to prefer: the first long one; "" if only the opposite has one (gunicorn's sendfile)."""
        return next((name for name in self.names if name.startswith("--")), "".join(self.names[:1]))


def by_name(options: Sequence[Option]) -> Mapping[str, Option]:
    """Each option under each of its normal names. A long name wins over another option's synonym."""
    return _by_name(tuple(options))


@lru_cache(maxsize=TABLES_KEPT)
def _by_name(options: tuple[Option, ...]) -> dict[str, Option]:
    """Kept, since every process with this program asks for the same table, several times."""
    known: dict[str, Option] = {}
    for option in options:
        known |= {normal(name): option for name in option.also if normal(name) not in known}
    for option in options:
        known |= {normal(name): option for name in (*option.names, *option.opposites)}
    return known


def normal(name: str) -> str:
    """ "--Max_requests" and "max-requests" are the same name; "-P" and "-p" are not."""
    return name.lstrip("-").replace("_", "-")
