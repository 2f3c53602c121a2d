"""The history, in words: what happened, and who asked for it. Read from history.sqlite, newest first."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from procession.console.lines import harmless
from procession.recorder.reading.history import Event, Wanted, names_in, read_events

PAGE_EVENTS = 100
TIMELINE_EVENTS = 20
GOOD = frozenset({"ready", "done", "adopted", "upgraded"})
BAD = frozenset(
    {
        *("exited", "crash-looping", "failed", "backoff", "unready", "hung", "spawn-failed", "left-behind", "killing"),
        *("out-of-memory", "outgrown", "roll-called-off", "supervisor-died", "log-dropped", "history-dropped"),
        "limits-not-held",
    }
)
SPEAK = ("text", "message", "last_exit", "why", "said", "because")
"""What of an event's detail is a sentence; the first that is there is shown without its name."""
SPOKEN = frozenset({*SPEAK, "status"})  # "exited with 3" says all of an exit
ENDED_AS_ASKED = (0, -15)  # well, or of the SIGTERM with which a stop begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    id: str
    day: str
    time: str
    stamp: str
    name: str
    process: str
    kind: str
    tone: str
    pid: str
    text: str
    who: str


@dataclass(frozen=True, slots=True)
class Story:
    """`trouble`: why there is nothing to show; `older`: the id before which the next page begins, "" if none does."""

    rows: tuple[Row, ...] = ()
    trouble: str = ""
    older: str = ""


def story(directory: str, names: tuple[str, ...] = (), *, before: int | None = None, count: int = PAGE_EVENTS) -> Story:
    """So many events of these processes or instances (all for none), before that id."""
    try:
        events = read_events(directory, Wanted(names=names, last=count + 1, before_id=before))
    except FileNotFoundError:
        return Story(trouble="No events yet: nothing has been started here.")
    except OSError as error:
        return Story(trouble=f"The history cannot be read: {error.strerror}")
    except sqlite3.Error as error:
        return Story(trouble=f"The history cannot be read: {error}")
    shown = events[-count:]
    older = str(shown[0].id) if len(events) > count else ""
    return Story(tuple(_row(event) for event in reversed(shown)), older=older)


def known_names(directory: str) -> list[str]:
    """Of whom there are events."""
    try:
        return names_in(directory)
    except (OSError, sqlite3.Error):
        return []


def _row(event: Event) -> Row:
    at = datetime.fromtimestamp(event.at, UTC)
    return Row(
        id=str(event.id),
        day=f"{at:%Y-%m-%d}",
        time=f"{at:%H:%M:%S}",
        stamp=f"{at:%Y-%m-%dT%H:%M:%S}Z",
        name=event.instance or event.process or "",
        process=event.process or "",
        kind=event.kind,
        tone=_tone(event),
        pid=str(event.pid or ""),
        text=harmless(_text(event), has_color=False),
        who=harmless(event.who or "", has_color=False),
    )


def _text(event: Event) -> str:
    """What speaks for itself first, then the rest with its name: `exited with 3, deaths 2`."""
    told = next(([str(event.detail[key])] for key in SPEAK if event.detail.get(key)), [])
    rest = [f"{key.replace('_', ' ')} {_shown(value)}" for key, value in event.detail.items() if key not in SPOKEN]
    return ", ".join(told + rest)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _tone(event: Event) -> str:
    if event.kind == "exited" and event.detail.get("status") in ENDED_AS_ASKED:
        return "off"
    if event.kind in BAD:
        return "bad"
    if event.kind in GOOD:
        return "good"
    return "asked" if event.who else "off"
