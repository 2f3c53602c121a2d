"""Events are kept in SQLite, by a process that is there only for that, whatever state the database is in."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from procession.recorder import history_main
from procession.recorder.history_main import EVENTS_MAX, Store, row_of
from tests.recorder.rig import Rig, eventually

EXITED = {
    "at": 1763710260.123,
    "kind": "exited",
    "process": "web",
    "instance": "web.1",
    "pid": 4121,
    "detail": {"status": 3},
    "who": "uid 0 (root)",
}


def rows(path: Path) -> list[tuple[object, ...]]:
    database = sqlite3.connect(path)
    try:
        return database.execute(
            "SELECT at, kind, process, instance, pid, detail, who FROM events ORDER BY id"
        ).fetchall()
    finally:
        database.close()


def test_an_event_is_kept(rig: Rig) -> None:
    rig.start()
    rig.send(event=EXITED)
    rig.send(event={"at": 2.0, "kind": "up"})
    rig.quit()
    assert rows(rig.directory / "history.sqlite") == [
        (1763710260.123, "exited", "web", "web.1", 4121, '{"status": 3}', "uid 0 (root)"),
        (2.0, "up", None, None, None, "{}", None),
    ]


def test_many_at_once_are_all_kept_in_order(rig: Rig) -> None:
    rig.start()
    for number in range(5000):
        rig.send(event={**EXITED, "pid": number})
    rig.quit()
    assert [row[4] for row in rows(rig.directory / "history.sqlite")] == list(range(5000))


def test_the_writer_goes_when_there_is_nothing_to_write(rig: Rig) -> None:
    recorder = rig.start()
    rig.send(event=EXITED)
    eventually(rig.events)
    children = Path(f"/proc/{recorder.pid}/task/{recorder.pid}/children")
    eventually(lambda: not children.read_text())
    rig.send(event=EXITED)
    eventually(lambda: len(rig.events()) == 2)


def test_a_killed_writer_is_followed_by_another(rig: Rig) -> None:
    recorder = rig.start()
    rig.send(event=EXITED)
    eventually(rig.events)
    (writer,) = Path(f"/proc/{recorder.pid}/task/{recorder.pid}/children").read_text().split()
    os.kill(int(writer), signal.SIGKILL)
    rig.send(note="killed")
    eventually(lambda: "ended with -9" in rig.notes())
    rig.send(event={"at": 2.0, "kind": "up"})
    eventually(lambda: [kind for kind, _, _ in rig.events()] == ["exited", "up"])
    rig.quit()


def test_a_broken_database_is_moved_aside_and_that_is_an_event(rig: Rig) -> None:
    path = rig.directory / "history.sqlite"
    path.write_bytes(b"this is not a database, but long enough to be looked at" * 100)
    rig.start()
    rig.send(event=EXITED)
    rig.quit()
    (aside,) = rig.directory.glob("history.sqlite.broken-*")
    assert aside.read_bytes().startswith(b"this is not")
    assert [kind for kind, _, _ in rig.events()] == ["exited", "history-broken"]


def test_a_database_that_breaks_while_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    store = Store(str(path))
    store.add([(float(number), "started", "web", "web.1", number, "{}", None) for number in range(500)])
    assert store.write()
    with path.open("r+b") as file:
        file.write(b"\xff" * 8192)
    (tmp_path / "history.sqlite-wal").unlink()
    again = Store(str(path))
    again.add([(1.0, "after", None, None, None, "{}", None)])
    assert again.write()
    assert [row[1] for row in rows(path)] == ["after", "history-broken"]


def test_another_table_of_that_name_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE events (something_else TEXT)")
    database.close()
    store = Store(str(path))
    store.add([(1.0, "after", None, None, None, "{}", None)])
    assert store.write()
    assert [row[1] for row in rows(path)] == ["after", "history-broken"]


def test_a_locked_database_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_main, "BUSY_SECONDS", 0.01)
    path = tmp_path / "history.sqlite"
    store = Store(str(path))
    store.add([(1.0, "first", None, None, None, "{}", None)])
    assert store.write()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    again = Store(str(path))
    again.add([(2.0, "second", None, None, None, "{}", None)])
    assert not again.write()
    assert again.waiting
    other.execute("COMMIT")
    other.close()
    assert again.write()
    assert [row[1] for row in rows(path)] == ["first", "second"]


def test_what_is_too_much_to_wait_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_main, "WAITING_MAX", 3)
    store = Store(str(tmp_path / "history.sqlite"))
    store.add([(float(number), "started", None, None, number, "{}", None) for number in range(5)])
    assert store.write()
    *kept, (_, kind, _, _, _, detail, _) = rows(tmp_path / "history.sqlite")
    assert [row[4] for row in kept] == [2, 3, 4]
    assert kind == "history-dropped"
    assert str(detail).startswith('{"message": "2 events dropped')


def test_the_newest_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    store = Store(str(path))
    for start in range(0, EVENTS_MAX + 20_000, 10_000):
        store.add([(0.0, "started", None, None, number, "{}", None) for number in range(start, start + 10_000)])
        assert store.write()
    kept = [row[4] for row in rows(path)]
    assert kept == list(range(20_000, EVENTS_MAX + 20_000))


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b'{"event": 1}', b'{"event": {"at": "x", "kind": "y"}}', b'{"event": {"at": 1}}', b"\xff"],
)
def test_what_is_no_event_is_left_out(line: bytes) -> None:
    assert row_of(line) is None


def test_odd_fields_do_not_stop_an_event() -> None:
    line = json.dumps({"event": {"at": 1, "kind": "odd", "process": 3, "pid": "x", "detail": [1, "ä"]}}).encode()
    assert row_of(line) == (1.0, "odd", "3", None, None, '[1, "ä"]', None)


def test_a_writer_that_cannot_write_says_so_in_the_end(tmp_path: Path) -> None:
    before = time.monotonic()
    argv = [sys.executable, "-I", "-S", str(history_main.__file__), str(tmp_path / "missing" / "history.sqlite")]
    done = subprocess.run(argv, input=json.dumps({"event": EXITED}).encode() + b"\n", timeout=60, check=False)
    assert done.returncode == 1
    assert time.monotonic() - before < 30
