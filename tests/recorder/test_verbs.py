"""`procession logs` and `procession events`, as a person or a program calls them."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from procession.console.lines import harmless
from procession.console.moments import as_stamp, moment
from procession.refusal import ExitCode
from tests.recorder.rig import DEADLINE_SECONDS, Rig, eventually, read_until

SOURCE = str(Path(sys.modules["procession"].__path__[0]).parent)
PLAIN = {
    **{key: value for key, value in os.environ.items() if key != "NO_COLOR"},
    "PYTHONPATH": SOURCE,
    "TERM": "xterm",
}


def argv_of(verb: str, rig: Rig, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "procession", "--stack-directory", str(rig.directory), verb, *arguments]


def run(verb: str, rig: Rig, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv_of(verb, rig, *arguments), capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False, env=PLAIN
    )


def say_alone(rig: Rig, name: str, word: str) -> None:
    """A line in a millisecond of its own."""
    before = len(rig.log(name))
    rig.say(name, f"{name} {word}\n".encode())
    eventually(lambda: len(rig.log(name)) > before)
    now = time.time_ns() // 1_000_000
    eventually(lambda: time.time_ns() // 1_000_000 > now)


@pytest.fixture
def site(rig: Rig) -> Rig:
    """web.1, web.2 and worker.1, each with its lines and events."""
    rig.start()
    for name in ("web.1", "web.2", "worker.1"):
        rig.open(name)
        say_alone(rig, name, "first")
        instance = {"process": name.partition(".")[0], "instance": name}
        rig.send(
            event={"at": 1763710260.5, "kind": "started", **instance, "pid": 41, "detail": {}, "who": "uid 0 (root)"}
        )
    for name in ("worker.1", "web.2", "web.1"):
        say_alone(rig, name, "second")
    exited = {"at": 1763710261.0, "kind": "exited", "process": "web", "instance": "web.1", "detail": {"status": 3}}
    rig.send(event=exited)
    eventually(lambda: len(rig.events()) == 4)
    return rig


def test_all_logs_merged(site: Rig) -> None:
    done = run("logs", site, "--no-times")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "web.1      | web.1 first",
        "web.2      | web.2 first",
        "worker.1   | worker.1 first",
        "worker.1   | worker.1 second",
        "web.2      | web.2 second",
        "web.1      | web.1 second",
    ]


def test_by_process_and_by_instance(site: Rig) -> None:
    assert run("logs", site, "--no-times", "web", "-n", "2").stdout == "web.2 | web.2 second\nweb.1 | web.1 second\n"
    assert run("logs", site, "--no-times", "web.2").stdout == "web.2 | web.2 first\nweb.2 | web.2 second\n"
    assert run("logs", site, "--no-times", "--grep", "worker.1 s").stdout.count("\n") == 1


def test_json(site: Rig) -> None:
    site.say("web.1", b"\xff\x1b[31m\n")
    eventually(lambda: site.log("web.1").count(b"\n") == 3)
    (line,) = run("logs", site, "--json", "-n", "1").stdout.splitlines()
    record = json.loads(line)
    assert record["instance"] == "web.1"
    assert record["text"] == "\\xff\x1b[31m"
    assert datetime.fromisoformat(record["time"]) <= datetime.now(UTC)


def test_since(site: Rig) -> None:
    assert run("logs", site, "--since", "1h").stdout.count("\n") == 6
    assert run("logs", site, "--until", "1h").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["wbe"], "no log of 'wbe'; there are: procession, web, web.1, web.2, worker, worker.1"),
        (["--since", "yesterday"], "not a time: 'yesterday'"),
        (["-n", "many"], "a number or `all`"),
    ],
)
def test_wrong_usage(site: Rig, arguments: list[str], words: str) -> None:
    done = run("logs", site, *arguments)
    assert done.returncode == ExitCode.USAGE
    assert words in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("verb", ["logs", "events"])
def test_nothing_there_yet(rig: Rig, verb: str) -> None:
    done = run(verb, rig)
    assert done.returncode == ExitCode.NOT_SO
    assert "nothing has been started here" in done.stderr


@pytest.mark.parametrize("verb", ["logs", "events"])
def test_a_reader_that_goes_and_ctrl_c_end_it_quietly(site: Rig, verb: str) -> None:
    for how in ("reader", "ctrl-c"):
        argv = argv_of(verb, site, "-f")
        follower = site.own(subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=PLAIN))
        assert follower.stdout is not None
        read_until(follower.stdout.fileno(), lambda data: b"\n" in data)
        if how == "reader":
            follower.stdout.close()
            site.say("web.1", b"x\n")
            site.send(event={"at": 1.0, "kind": "started"})
        else:
            follower.send_signal(signal.SIGINT)
        assert follower.wait(DEADLINE_SECONDS) == 0
        assert follower.stderr is not None
        assert follower.stderr.read() == b""


def test_followed(site: Rig) -> None:
    argv = argv_of("logs", site, "-f", "-n", "1", "--no-times")
    follower = site.own(subprocess.Popen(argv, stdout=subprocess.PIPE, env=PLAIN))
    assert follower.stdout is not None
    read_until(follower.stdout.fileno(), lambda data: data.endswith(b"web.1 second\n"))
    site.say("web.2", b"third\n")
    text = read_until(follower.stdout.fileno(), lambda data: data.endswith(b"third\n"))
    assert text == b"web.2      | third\n"


def on_a_terminal(argv: list[str], environment: dict[str, str]) -> bytes:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(argv, stdout=theirs, env=environment)
    os.close(theirs)
    data = b""
    try:
        while True:
            data += os.read(ours, 65536)
    except OSError:  # EIO: the other end was closed
        os.close(ours)
    assert process.wait(DEADLINE_SECONDS) == 0
    return data


def test_on_a_terminal_a_log_cannot_play_tricks(site: Rig) -> None:
    site.say("web.2", b"\x1b]0;title\x07\x1b[2J\x1b[1;31mred\x1b[0m\ttab \xe2\x80\xae \xc2\x9b2J \xff\r\n")
    eventually(lambda: site.log("web.2").count(b"\n") == 3)
    text = on_a_terminal(argv_of("logs", site, "web.2", "-n", "1", "--no-times"), PLAIN).decode()
    rest = (
        text.replace("\x1b[36mweb.2 | \x1b[0m", "").replace("\x1b[1;31mred\x1b[0m", "RED").removesuffix("\x1b[0m\r\n")
    )
    assert rest == "\\x1b]0;title\\x07\\x1b[2JRED\ttab \\u202e \\x9b2J \\xff\\x0d"
    plain = on_a_terminal(argv_of("logs", site, "web.2", "--no-times"), {**PLAIN, "NO_COLOR": "1"})
    assert b"\x1b" not in plain


def test_into_a_file_bytes_go_as_they_are(site: Rig) -> None:
    site.say("web.2", b"\x1b[31m \xff\n")
    eventually(lambda: site.log("web.2").count(b"\n") == 3)
    done = subprocess.run(
        argv_of("logs", site, "web.2", "--no-times", "-n", "1"), capture_output=True, env=PLAIN, check=True
    )
    assert done.stdout == b"web.2 | \x1b[31m \xff\n"


def test_events_are_lines(site: Rig) -> None:
    assert run("events", site, "web.1").stdout.splitlines() == [
        "2025-11-21T07:31:00.500Z  web.1  started  pid 41  (uid 0 (root))",
        "2025-11-21T07:31:01.000Z  web.1  exited  status 3",
    ]
    assert run("events", site, "-n", "1").stdout.count("\n") == 1
    assert run("events", site, "-n", "all").stdout.count("\n") > 1
    assert run("events", site, "--since", "1h").stdout == ""
    assert [json.loads(line)["instance"] for line in run("events", site, "web", "--json").stdout.splitlines()] == [
        "web.1",
        "web.2",
        "web.1",
    ]


def test_events_of_nobody(site: Rig) -> None:
    done = run("events", site, "wbe")
    assert done.returncode == ExitCode.USAGE
    assert "no events of 'wbe'; there are: web, web.1, web.2, worker, worker.1" in done.stderr


def test_a_history_that_is_none(rig: Rig) -> None:
    (rig.directory / "history.sqlite").write_bytes(b"nothing that SQLite knows" * 100)
    done = run("events", rig)
    assert done.returncode == ExitCode.REFUSED
    assert "file is not a database" in done.stderr


NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1h", NOW - timedelta(hours=1)),
        ("1.5m", NOW - timedelta(seconds=90)),
        ("2026-11-21T07:31:00Z", NOW.replace(hour=7, minute=31)),
        ("2026-11-21T07:31:00.250+01:00", NOW.replace(hour=6, minute=31, microsecond=250_000)),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "1 fortnight", "-1h", "2026-13-01", "99:99", "1e999d"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="not a time"):
        moment(text, NOW)


def test_local_times_are_those_of_who_asks() -> None:
    assert moment("2026-11-21 07:31", NOW) == datetime(2026, 11, 21, 7, 31).astimezone()
    assert moment("07:31", NOW).astimezone().strftime("%H:%M") == "07:31"
    assert as_stamp(NOW) == "2026-11-21T12:00:00.000Z"
    assert as_stamp(NOW, is_end=True) == "2026-11-21T12:00:00.999Z"


def test_a_colour_does_not_run_into_the_next_line() -> None:
    assert harmless("\x1b[31mred", has_color=True) == "\x1b[31mred\x1b[0m"
    assert harmless("\x1b[31mred", has_color=False) == "red"
