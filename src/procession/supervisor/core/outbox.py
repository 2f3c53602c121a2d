"""Messages on their way: what is tried when, what is tried again, and what is given up. Pure.

One is in hand at a time. What did not get through by a channel is tried again by that channel alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

PARCELS_MAX = 20  # that wait; then the oldest is given up
FIRST_WAIT_SECONDS = 15.0
LONGEST_WAIT_SECONDS = 900.0
ATTEMPTS_MAX = 20  # about four hours
DOUBLINGS_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    number: int
    message: Mapping[str, Any]  # JSON data, made when it was sent off
    channels: tuple[str, ...]  # which have not had it yet
    due: float  # monotonic seconds
    attempts: int = 0
    trouble: Mapping[str, str] | None = None  # by channel: why the last attempt failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    parcels: tuple[Parcel, ...] = ()
    in_hand: int = 0  # the number of the one that is being tried; 0: none is
    last_number: int = 0


def put(
    outbox: Outbox, message: Mapping[str, Any], channels: tuple[str, ...], now: float
) -> tuple[Outbox, list[Parcel]]:
    """One more message; and those that are given up for it."""
    number = outbox.last_number + 1
    parcels = (*outbox.parcels, Parcel(number=number, message=message, channels=channels, due=now))
    given_up = [one for one in parcels[:-PARCELS_MAX] if one.number != outbox.in_hand]
    kept = tuple(one for one in parcels if one not in given_up)
    return replace(outbox, parcels=kept, last_number=number), given_up


def take(outbox: Outbox, now: float) -> tuple[Outbox, Parcel | None]:
    """The one to try now; None: none is due, or one is in hand."""
    due = [one for one in outbox.parcels if one.due <= now]
    if outbox.in_hand or not due:
        return outbox, None
    parcel = min(due, key=lambda one: one.due)
    parcel = replace(parcel, attempts=parcel.attempts + 1)
    return replace(_with(outbox, parcel), in_hand=parcel.number), parcel


def end_attempt(outbox: Outbox, results: Mapping[str, str], now: float) -> tuple[Outbox, Parcel | None]:
    """The attempt is over. `results`: by channel "" if it got through, else why not; of one that is missing nothing is
    known, and it is tried again. Gives the parcel as it was, None if it is not there any more.
    """
    parcel = held(outbox)
    outbox = replace(outbox, in_hand=0)
    if parcel is None:
        return outbox, None
    left = tuple(name for name in parcel.channels if results.get(name) != "")
    trouble = {name: results.get(name) or "it ended without a word" for name in left}
    if not left or parcel.attempts >= ATTEMPTS_MAX:
        return _without(outbox, parcel.number), replace(parcel, trouble=trouble)
    wait = wait_seconds(parcel.attempts)
    return _with(outbox, replace(parcel, channels=left, due=now + wait, trouble=trouble)), replace(
        parcel, trouble=trouble
    )


def keep_only(outbox: Outbox, channels: Collection[str]) -> Outbox:
    """Who is declared no more is told nothing more."""
    kept = [replace(one, channels=tuple(n for n in one.channels if n in channels)) for one in outbox.parcels]
    return replace(outbox, parcels=tuple(one for one in kept if one.channels))


def hurry(outbox: Outbox, now: float) -> Outbox:
    """We are about to end: all that waits is due, once."""
    return replace(outbox, parcels=tuple(replace(one, due=min(one.due, now)) for one in outbox.parcels))


def held(outbox: Outbox) -> Parcel | None:
    """The one in hand."""
    return next((one for one in outbox.parcels if one.number == outbox.in_hand), None)


def next_due(outbox: Outbox) -> float | None:
    """When something is to be tried; None: nothing waits, or one is in hand."""
    return None if outbox.in_hand else min((one.due for one in outbox.parcels), default=None)


def wait_seconds(attempts: int) -> float:
    """After so many attempts that failed."""
    return min(FIRST_WAIT_SECONDS * 2.0 ** min(attempts - 1, DOUBLINGS_MAX), LONGEST_WAIT_SECONDS)


def _with(outbox: Outbox, parcel: Parcel) -> Outbox:
    parcels = tuple(parcel if one.number == parcel.number else one for one in outbox.parcels)
    return replace(outbox, parcels=parcels)


def _without(outbox: Outbox, number: int) -> Outbox:
    return replace(outbox, parcels=tuple(one for one in outbox.parcels if one.number != number))
