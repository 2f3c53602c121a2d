"""logs and events: what the instances have said, and what systemd says of them, both from the journal.

By its field _TRANSPORT (systemd.journal-fields(7)): `stdout` is what a service has printed, `syslog` what it has told
syslog(3); with `journal` systemd itself speaks, also for a moment in the place of a program that cannot be started.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from procession.engines.base import Asked
from procession.engines.steps import Command, Show, Steps
from procession.engines.systemd import names
from procession.engines.systemd.options import Options
from procession.engines.systemd.units import chosen
from procession.recorder.reading.records import Record
from procession.refusal import Refusal

SAID_BY_INSTANCES = ("_TRANSPORT=stdout", "_TRANSPORT=syslog")
SAID_BY_SYSTEMD = ("_TRANSPORT=journal",)
FIELDS = "MESSAGE,UNIT,USER_UNIT,_SYSTEMD_UNIT,_SYSTEMD_USER_UNIT"
MILLISECOND = 1000  # in microseconds


def logs(asked: Asked) -> Steps[None]:
    yield from _show(asked, SAID_BY_INSTANCES)


def events(asked: Asked) -> Steps[None]:
    """What systemd itself says of the units: started, stopped, failed, and why."""
    yield from _show(asked, SAID_BY_SYSTEMD)


def _show(asked: Asked, matches: Iterable[str]) -> Steps[None]:
    command = Command(argv=("journalctl", *_words(asked), *_units(asked), *matches), looks=True)
    done = yield Show(command=command, read=lambda lines: _records(asked, lines))
    if not done.is_well:
        raise Refusal(f"{command.text()}: {done.last_words()}")


def _words(asked: Asked) -> Iterator[str]:
    yield from ("--quiet", "--no-pager", "--output=json", f"--output-fields={FIELDS}")
    yield f"--lines={'all' if asked.lines is None else asked.lines}"
    if asked.since:
        yield f"--since=@{asked.since.timestamp():.6f}"
    if asked.until:
        yield f"--until=@{asked.until.timestamp():.6f}"
    if asked.grep:
        yield from (f"--grep={re.escape(asked.grep)}", "--case-sensitive=yes")
    if asked.follow:
        yield "--follow"


def _units(asked: Asked) -> Iterator[str]:
    option = "--user-unit" if asked.options.user_mode else "--unit"
    if asked.options.supervisor:
        yield f"{option}={names.supervisor(asked.stack)}"
        return
    for process, number in chosen(asked):
        unit = names.instance(asked.stack, process, number) if number else names.pattern(asked.stack, process)
        yield f"{option}={unit}"


def _records(asked: Asked, lines: Iterable[str]) -> Iterable[Record]:
    """With --grep and a number of lines, journalctl searches from the end, and prints the newest first."""
    found = (_record(asked, json.loads(line)) for line in lines)
    is_reversed = asked.grep and asked.lines is not None and not asked.follow
    return reversed([*found]) if is_reversed else found


def _record(asked: Asked, entry: Mapping[str, object]) -> Record:
    when = datetime.fromtimestamp(int(str(entry["__REALTIME_TIMESTAMP"])) / 1_000_000, UTC)
    own = (entry.get(field) for field in ("UNIT", "USER_UNIT", "_SYSTEMD_USER_UNIT", "_SYSTEMD_UNIT"))
    unit = next((str(value) for value in own if value), "")
    time = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Record(time, names.who(asked.stack, unit), _text(entry.get("MESSAGE")))


def _text(message: object) -> str:
    """What is no plain text comes as the numbers of its bytes (journalctl(1), --output=json); null: it is too long."""
    if isinstance(message, list):
        return bytes(message).decode("utf-8", "surrogateescape")
    return message if isinstance(message, str) else ""


def last_words(options: Options, unit: str, lines: int) -> Command:
    """The last lines that this unit's program itself has said, for a message."""
    option = "--user-unit" if options.user_mode else "--unit"
    words = ("--no-pager", "--quiet", "--output=cat", f"--lines={lines}", f"{option}={unit}")
    return Command(argv=("journalctl", *words, *SAID_BY_INSTANCES), looks=True)
