"""What containers have said, and what became of them: lines of Docker's tools as records, shown as on every engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from procession.engines.base import Asked
from procession.engines.steps import Command, Show, Steps
from procession.recorder.reading.records import Record
from procession.refusal import Refusal

# `web-1  | 2026-11-21T07:31:00.123456789Z text`: docker compose logs --timestamps
COMPOSE: Final = re.compile(r"(?P<who>\S+) +\| (?P<time>[\d-]+T[\d:.]+Z) ?(?P<text>.*)", re.DOTALL)
# `2026-11-21T07:31:00.123456789Z site_web.1.ID@node    | text`: docker service logs --timestamps
SWARM: Final = re.compile(r"(?P<time>[\d-]+T[\d:.]+Z) (?P<who>\S+) +\| ?(?P<text>.*)", re.DOTALL)
SECONDS_END: Final = 19  # of 2026-11-21T07:31:00
NANOSECONDS: Final = 10**9
EVENT_FORMAT: Final = (
    "{{.TimeNano}} {{.Actor.Attributes.name}} {{.Action}}{{with .Actor.Attributes.exitCode}}, exit code {{.}}{{end}}"
)


def show(command: Command, read: Callable[[Iterable[str]], Iterable[Record]]) -> Steps[None]:
    """Raises Refusal if it does not end well."""
    done = yield Show(command=command, read=read)
    if not done.is_well:
        raise Refusal(f"{command.text()}: {done.last_words()}")


def tail(asked: Asked) -> str:
    """How many lines to ask for: with a text to look for, those that have it are counted by us."""
    return "all" if asked.lines is None or (asked.grep and not asked.follow) else str(asked.lines)


def wanted(records: Iterable[Record], asked: Asked) -> Iterable[Record]:
    """Those with the text in them, as they come if they are followed; else by their times, the last so many."""
    found = (record for record in records if asked.grep in record.text)
    if asked.follow:
        return found
    ordered = sorted(found, key=lambda record: record.time)
    return ordered if asked.lines is None else ordered[max(0, len(ordered) - asked.lines) :]


def logged(lines: Iterable[str], form: re.Pattern[str], name: Callable[[str], str]) -> Iterator[Record]:
    """`name` makes an instance's name of what the tool says there. What the tool says itself has no name."""
    time = ""
    for line in lines:
        found = form.fullmatch(line.removesuffix("\n"))
        if found is None:
            yield Record(time, "", line.removesuffix("\n"))
        else:
            time = _milliseconds(found["time"])
            yield Record(time, name(found["who"]), found["text"])


def happened(lines: Iterable[str], name: Callable[[str], str]) -> Iterator[Record]:
    """Of EVENT_FORMAT."""
    for line in lines:
        when, who, what = line.removesuffix("\n").split(" ", 2)
        moment = datetime.fromtimestamp(int(when) / NANOSECONDS, UTC)
        time = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        yield Record(time, name(who), what)


def is_of(record: Record, names: Sequence[str]) -> bool:
    """Whether it is of these instances, or of instances of these processes; no names: of any."""
    return not names or not record.instance or bool({record.instance, record.instance.partition(".")[0]} & {*names})


def _milliseconds(time: str) -> str:
    """Docker leaves out zeros at the end of its nanoseconds."""
    head, fraction = time[:SECONDS_END], time[SECONDS_END + 1 :].rstrip("Z")
    return f"{head}.{fraction[:3].ljust(3, '0')}Z"
