"""logs and events: which words journalctl gets, and what becomes of what it says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from procession.engines.base import Asked
from procession.engines.steps import Show
from procession.engines.systemd import ENGINE
from procession.engines.systemd.journal import FIELDS
from procession.engines.systemd.options import Options
from procession.recorder.reading.records import Record
from tests.engines.systemd.site import asked

THEN = datetime(2026, 11, 21, 7, 31, tzinfo=UTC)
BEGIN = f"journalctl --quiet --no-pager --output=json --output-fields={FIELDS}"
SAID = "_TRANSPORT=stdout _TRANSPORT=syslog"


def show(verb: str, question: Asked) -> Show:
    step = next(ENGINE.verbs[verb](question))
    assert isinstance(step, Show)
    return step


@pytest.mark.parametrize(
    ("verb", "question", "words"),
    [
        (
            "logs",
            asked("web", "beat"),
            f"--lines=100 '--unit=mysite-web@*.service' --unit=mysite-beat.service {SAID}",
        ),
        (
            "logs",
            replace(asked("beat"), follow=True, lines=10),
            f"--lines=10 --follow --unit=mysite-beat.service {SAID}",
        ),
        (
            "logs",
            replace(asked("beat"), lines=None, since=THEN, until=THEN, grep="a.b"),
            (
                f"--lines=all --since=@{THEN.timestamp():.6f} --until=@{THEN.timestamp():.6f} '--grep=a\\.b' "
                f"--case-sensitive=yes --unit=mysite-beat.service {SAID}"
            ),
        ),
        (
            "logs",
            replace(asked("beat"), options=Options(user_mode=True)),
            f"--lines=100 --user-unit=mysite-beat.service {SAID}",
        ),
        ("events", asked("web.1"), "--lines=100 --unit=mysite-web@1.service _TRANSPORT=journal"),
    ],
)
def test_journalctl_gets_these_words(verb: str, question: Asked, words: str) -> None:
    assert show(verb, question).command.text() == f"{BEGIN} {words}"


def entry(message: object, **fields: str) -> str:
    return json.dumps({"__REALTIME_TIMESTAMP": "1795246260123456", "MESSAGE": message, **fields}) + "\n"


def test_a_line_has_its_time_and_its_instance() -> None:
    lines = [
        entry("hello", _SYSTEMD_UNIT="mysite-web@2.service"),
        entry("Started", UNIT="mysite-beat.service", _SYSTEMD_UNIT="init.scope"),
        entry([104, 255], _SYSTEMD_UNIT="mysite-beat.service"),
        entry(None, _SYSTEMD_UNIT="other.service"),
    ]
    assert list(show("logs", asked()).read(lines)) == [
        Record("2026-11-21T07:31:00.123Z", "web.2", "hello"),
        Record("2026-11-21T07:31:00.123Z", "beat.1", "Started"),
        Record("2026-11-21T07:31:00.123Z", "beat.1", "h\udcff"),
        Record("2026-11-21T07:31:00.123Z", "other.service", ""),
    ]


def test_what_is_searched_from_the_end_is_shown_from_the_beginning() -> None:
    lines = [entry("newer", UNIT="mysite-beat.service"), entry("older", UNIT="mysite-beat.service")]
    found = show("logs", replace(asked("beat"), grep="e", lines=2)).read(lines)
    assert [record.text for record in found] == ["older", "newer"]
