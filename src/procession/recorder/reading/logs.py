"""The logs of several instances as one stream of records, merged by time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, takewhile
from operator import itemgetter

from procession.recorder.reading.parts import NEVER, Part
from procession.recorder.reading.records import Record, backwards, forwards

Parts = Mapping[str, list[Part]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records: from `since` to `until` (times as in the files, both included), with `grep` in them."""

    since: str = ""
    until: str = NEVER
    last: int | None = None
    grep: str = ""

    def has(self, record: Record) -> bool:
        """Whether the record is one of those, `last` set aside."""
        return self.since <= record.time <= self.until and self.grep in record.text


def read_logs(parts: Parts, wanted: Wanted) -> Iterator[Record]:
    """The records that are wanted, by time; of one time, instance by instance in the order of `parts`.

    Not all is read: with `last` from the end backwards, with `since` from there on. Raises OSError.
    """
    if wanted.last is not None:
        return iter(_newest(parts, wanted, wanted.last))
    return _between(parts, wanted)


def _between(parts: Parts, wanted: Wanted) -> Iterator[Record]:
    one_each = [_forwards(instance, own, wanted) for instance, own in parts.items()]
    merged = heapq.merge(*one_each, key=itemgetter(0))
    return filter(wanted.has, takewhile(lambda record: record.time <= wanted.until, merged))


def backwards_all(parts: Parts, wanted: Wanted) -> Iterator[Record]:
    """All records since `wanted.since`, newest first, `grep` and `last` set aside: for who looks at so many only."""
    # The last instance first: in the end all is turned round, and ties are then in the order of `parts`.
    one_each = [_backwards(instance, own, wanted) for instance, own in reversed(list(parts.items()))]
    return heapq.merge(*one_each, key=itemgetter(0), reverse=True)


def _newest(parts: Parts, wanted: Wanted, last: int) -> list[Record]:
    return list(islice(filter(wanted.has, backwards_all(parts, wanted)), last))[::-1]


def _forwards(instance: str, parts: list[Part], wanted: Wanted) -> Iterator[Record]:
    for part in parts:
        if part.until >= wanted.since:
            yield from forwards(part, instance, wanted.since)


def _backwards(instance: str, parts: list[Part], wanted: Wanted) -> Iterator[Record]:
    for part in reversed(parts):
        if part.until < wanted.since:
            return
        yield from takewhile(lambda record: record.time >= wanted.since, backwards(part, instance))
