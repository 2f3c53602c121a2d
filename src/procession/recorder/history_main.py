"""Writes events from stdin into the history, an SQLite database. Run by the recorder as a process of its own.

A line is `{"event": {"at": seconds, "kind": "exited", "process": ..., "instance": ..., "pid": ..., "detail": {...},
"who": ...}}`; all but the first two may be left out. Exit code at the end of the input: 1 if not all could be written.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from select import select

Row = tuple[float, str, str | None, str | None, int | None, str, str | None]

EVENTS_MAX = 100_000
PRUNE_EVERY = 1000  # inserts
WAITING_MAX = 20_000
RETRY_SECONDS = 1.0
GIVE_UP_SECONDS = 10.0  # after the end of the input
BUSY_SECONDS = 5.0
BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}  # it will not get better by waiting

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL,
    process TEXT, instance TEXT, pid INTEGER, detail TEXT NOT NULL, who TEXT
);
CREATE INDEX IF NOT EXISTS events_at ON events (at);
"""
INSERT = "INSERT INTO events (at, kind, process, instance, pid, detail, who) VALUES (?, ?, ?, ?, ?, ?, ?)"


class Store:
    """The database. What is wrong with it never raises: rows wait, or a broken one is moved aside."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.waiting: list[Row] = []
        self.dropped = 0
        self._database: sqlite3.Connection | None = None
        self._until_prune = 0

    def add(self, rows: list[Row]) -> None:
        """Take these rows too; `write` writes them. Past WAITING_MAX the oldest are dropped."""
        self.waiting += rows
        too_many = len(self.waiting) - WAITING_MAX
        if too_many > 0:
            del self.waiting[:too_many]
            self.dropped += too_many

    def write(self) -> bool:
        """Write what is waiting, in one transaction; False when it has to wait longer."""
        try:
            self._insert()
        except sqlite3.Error as error:
            self._close()
            if _is_broken(error) and self._move_aside(error):
                return self.write()
            return False
        return True

    def _insert(self) -> None:
        if self._database is None:
            self._database = _open(self.path)
        rows = self.waiting + ([_lost_row(self.dropped)] if self.dropped else [])
        with self._database:
            self._database.executemany(INSERT, rows)
            self._prune(len(rows))
        self.waiting, self.dropped = [], 0

    def _prune(self, inserted: int) -> None:
        assert self._database is not None
        self._until_prune -= inserted
        if self._until_prune <= 0:
            self._database.execute("DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?", (EVENTS_MAX,))
            self._until_prune = PRUNE_EVERY

    def _move_aside(self, error: sqlite3.Error) -> bool:
        aside = f"{self.path}.broken-{int(time.time())}"
        for tail in ("-wal", "-shm", ""):
            try:
                os.rename(self.path + tail, aside + tail)
            except FileNotFoundError:
                pass
            except OSError:
                return False
        detail = json.dumps({"message": f"moved to {aside}: {error}"})
        self.waiting.append((time.time(), "history-broken", None, None, None, detail, "recorder"))
        return True

    def _close(self) -> None:
        if self._database is not None:
            try:
                self._database.close()
            except sqlite3.Error:
                pass  # it is being given up
            self._database = None


def row_of(line: bytes) -> Row | None:
    """The row for one line of input; None when it is not an event (then it is left out: its writer was killed)."""
    try:
        event = json.loads(line)["event"]
        at, kind = float(event["at"]), str(event["kind"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    pid = event.get("pid")
    detail = event.get("detail")
    return (
        at, kind, _text(event.get("process")), _text(event.get("instance")), pid if isinstance(pid, int) else None,
        json.dumps({} if detail is None else detail, ensure_ascii=False), _text(event.get("who")),
    )  # fmt: skip


def main(path: str) -> int:
    """Read until the end of the input; the exit code."""
    os.umask(0o077)
    store = Store(path)
    rest = b""
    deadline: float | None = None  # once the input has ended
    while deadline is None or (store.waiting and time.monotonic() < deadline):
        if deadline is not None:
            time.sleep(RETRY_SECONDS)
        elif not store.waiting or select([0], [], [], RETRY_SECONDS)[0]:
            data = os.read(0, 1 << 20)
            if not data:
                deadline = time.monotonic() + GIVE_UP_SECONDS
            *lines, rest = (rest + data).split(b"\n")
            store.add([row for row in map(row_of, lines) if row is not None])
        if store.waiting:
            store.write()
    return 1 if store.waiting else 0


def _open(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=BUSY_SECONDS)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")  # no fsync per commit: a power cut may lose the last ones
        database.execute("PRAGMA journal_size_limit=1048576")
        database.executescript(SCHEMA)
    except sqlite3.Error:
        database.close()  # or its descriptors stay open, two for each try on a full disk
        raise
    return database


def _is_broken(error: sqlite3.Error) -> bool:
    """Not when it is full, locked, read-only or on a failing disk: those may pass."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in BROKEN


def _lost_row(count: int) -> Row:
    detail = json.dumps({"message": f"{count} events dropped: the history could not be written"})
    return (time.time(), "history-dropped", None, None, None, detail, "recorder")


def _text(value: object) -> str | None:
    return None if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
