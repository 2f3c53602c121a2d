"""What `procession events` reads: the events in history.sqlite, oldest first."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

ID_MAX = 2**63 - 1  # SQLite's largest integer


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened; `detail` depends on the kind."""

    id: int
    at: float
    kind: str
    process: str | None
    instance: str | None
    pid: int | None
    detail: dict[str, object]
    who: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: of these processes or instances (none: all), since then, the newest `last`, between two ids."""

    names: Sequence[str] = ()
    since: float = 0.0
    last: int | None = None
    after_id: int = 0
    before_id: int | None = None


def history_path(directory: str) -> str:
    """Where the history of a stack directory is."""
    return os.path.join(directory, "history.sqlite")


def read_events(directory: str, wanted: Wanted) -> list[Event]:
    """The events that are wanted. Raises FileNotFoundError without a history, sqlite3.Error for a broken one."""
    path = history_path(directory)
    os.stat(path)
    database = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=5.0)
    try:
        rows = database.execute(*_query(wanted)).fetchall()
    finally:
        database.close()
    return [_event(row) for row in reversed(rows)]


def names_in(directory: str) -> list[str]:
    """Every process and instance that has an event, sorted. Raises as `read_events` does."""
    database = sqlite3.connect(f"file:{quote(history_path(directory))}?mode=ro", uri=True, timeout=5.0)
    try:
        query = "SELECT process FROM events UNION SELECT instance FROM events"
        return sorted(name for (name,) in database.execute(query) if name)
    finally:
        database.close()


def _query(wanted: Wanted) -> tuple[str, list[object]]:
    marks = ", ".join("?" * len(wanted.names))
    by_name = f" AND (process IN ({marks}) OR instance IN ({marks}))" if wanted.names else ""
    text = (
        "SELECT id, at, kind, process, instance, pid, detail, who FROM events"
        f" WHERE id > ? AND id < ? AND at >= ?{by_name} ORDER BY id DESC LIMIT ?"
    )
    limit = -1 if wanted.last is None else wanted.last
    before = ID_MAX if wanted.before_id is None else wanted.before_id
    return text, [wanted.after_id, before, wanted.since, *wanted.names, *wanted.names, limit]


def _event(row: tuple[int, float, str, str | None, str | None, int | None, str, str | None]) -> Event:
    number, at, kind, process, instance, pid, text, who = row
    try:
        detail = json.loads(text)
    except ValueError:
        detail = text
    return Event(
        number, at, kind, process, instance, pid, detail if isinstance(detail, dict) else {"detail": detail}, who
    )
