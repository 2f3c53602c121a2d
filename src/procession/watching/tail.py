"""The last lines of a log, and those that came since: nothing is kept here between two requests.

The page says where it is: for each instance the time of its last line, and how many lines of that time it has. That
holds when the file is rotated, compressed, or read by another worker of the site.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from procession.recorder.reading.logs import Wanted, backwards_all
from procession.recorder.reading.parts import log_paths, parts_of
from procession.recorder.reading.records import TIME_CHARACTERS, Record

LINES_MAX = 300  # that one answer holds
LOOKED_AT_MAX = 100_000  # lines that a search looks at: it holds a worker of the site meanwhile
SAME_TIME_MAX = 100_000  # lines of one millisecond: the recorder stamps what it reads at once with one time


class Spot(NamedTuple):
    """How far one instance's log was read: up to so many lines of this time."""

    time: str = ""
    lines: int = 0


@dataclass(frozen=True, slots=True)
class Tail:
    """`is_cut`: there was more, which was not looked at, or left out."""

    records: list[Record]
    cursor: str
    is_cut: bool = False


def last_lines(directory: str, name: str, find: str) -> Tail:
    """The newest lines with `find` in them (in any case) of a process or an instance. Raises OSError."""
    logs = _logs(directory, name)
    newest = {instance: _newest(_backwards(instance, path), LINES_MAX) for instance, path in logs.items()}
    cursor = _written({instance: spot for instance, (_, spot) in newest.items()})
    if not find:
        return Tail(_merged(records for records, _ in newest.values()), cursor)
    found, is_cut = _search(logs, find, LOOKED_AT_MAX // max(1, len(logs)))
    return Tail(_merged(records[::-1] for records in found.values()), cursor, is_cut)


def has_log(directory: str, name: str) -> bool:
    """Whether there is a log of this process or instance; one that cannot be looked at is none."""
    try:
        return bool(_logs(directory, name))
    except OSError:
        return False


def lines_after(directory: str, name: str, find: str, cursor: str) -> Tail:
    """What came behind `cursor`; of very much, the end. Raises OSError."""
    before = _read(cursor)
    found: list[list[Record]] = []
    spots = {}
    is_cut = False
    for instance, path in _logs(directory, name).items():
        spot = before.get(instance, Spot())
        records, now = _newest(_backwards(instance, path, spot.time), LINES_MAX + spot.lines)
        spots[instance] = now if records else spot
        new = _behind(records, spot)
        is_cut = is_cut or len(new) >= LINES_MAX
        found.append([record for record in new if _has(record, find)])
    return Tail(_merged(found), _written(spots), is_cut)


def _newest(backwards: Iterator[Record], count: int) -> tuple[list[Record], Spot]:
    """So many of the newest, oldest first; and how far one has read who has them: all lines of the last time count."""
    records: list[Record] = []
    last, same = "", 0
    for record in backwards:
        last = last or record.time
        is_of_last = record.time == last and same < SAME_TIME_MAX
        same += is_of_last
        if len(records) < count:
            records.append(record)
        elif not is_of_last:
            break
    return records[::-1], Spot(last, same)


def _search(logs: Mapping[str, str], find: str, looked_at_max: int) -> tuple[dict[str, list[Record]], bool]:
    """The newest lines that have it, newest first, and whether older ones were not looked at."""
    found: dict[str, list[Record]] = {}
    is_cut = False
    for instance, path in logs.items():
        found[instance] = []
        for number, record in enumerate(_backwards(instance, path)):
            if number >= looked_at_max or len(found[instance]) >= LINES_MAX:
                is_cut = True
                break
            if _has(record, find):
                found[instance].append(record)
    return found, is_cut


def _has(record: Record, find: str) -> bool:
    return find.casefold() in record.text.casefold()


def _behind(records: list[Record], spot: Spot) -> list[Record]:
    """Those that `spot` does not count yet."""
    if len(records) == LINES_MAX + spot.lines:
        return records[-LINES_MAX:]  # so many came that its own are out of sight, or nearly
    known = sum(record.time == spot.time for record in records[: spot.lines])
    return records[known:]


def _merged(one_each: Iterable[list[Record]]) -> list[Record]:
    """By time; of one time, instance by instance."""
    return sorted((record for records in one_each for record in records), key=attrgetter("time"))[-LINES_MAX:]


def _logs(directory: str, name: str) -> dict[str, str]:
    paths = log_paths(directory)
    return {one: path for one, path in paths.items() if name in (one, one.rpartition(".")[0])}


def _backwards(instance: str, path: str, since: str = "") -> Iterator[Record]:
    """Whole lines alone: what is being written comes when it has ended."""
    return backwards_all({instance: parts_of(path, whole_lines=True)}, Wanted(since=since))


def _written(spots: Mapping[str, Spot]) -> str:
    return ",".join(f"{instance}~{spot.time}~{spot.lines}" for instance, spot in spots.items())


def _read(cursor: str) -> dict[str, Spot]:
    """What makes no sense in it is left out: its instance is then shown from its last lines on."""
    spots = {}
    for part in cursor.split(","):
        instance, _, rest = part.partition("~")
        time, _, count = rest.partition("~")
        if len(time) in (0, TIME_CHARACTERS) and count.isdecimal() and len(count) <= len(str(SAME_TIME_MAX)):
            spots[instance] = Spot(time, min(SAME_TIME_MAX, int(count)))
    return spots
