"""A message in words: a title of one line, and a text that is plain, whatever a program may have said."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from procession.django.alerts.request import Item, Message, Trouble
from procession.units import show_seconds

TITLE_CHARACTERS_MAX = 150
NAMED_MAX = 3  # alerts in a title
PLAIN = {  # as it is, as it was
    "failed": ("has failed", "had failed"),
    "crash-looping": ("is crash-looping", "was crash-looping"),
    "unready": ("is not ready", "was not ready"),
    "out-of-memory": ("ran out of memory", "ran out of memory"),
    "singleton-lost": ("lost its lease", "lost its lease"),
}
AFTERWARDS = {"recovered": "recovered", "stopped": "was stopped by hand"}
VERSION = 1


def title(message: Message) -> str:
    """`[mysite] web is crash-looping`: one line without anything that a header could end with."""
    said = "a test: nothing is the matter" if message.is_test else _in_short(message.items)
    return one_line(f"[{message.site}] {said}")[:TITLE_CHARACTERS_MAX]


def text(message: Message) -> str:
    """All of it."""
    if message.is_test:
        said = ["This is a test of ALERTS. Whoever reads it would be told when something goes wrong."]
    else:
        said = ["\n".join(_about(item)) for item in message.items]
    return "\n\n".join([*said, "\n".join(_place(message))]) + "\n"


def data(message: Message) -> dict[str, object]:
    """The same as JSON data, of the shape that docs/how-to/alerts.md shows."""
    return {
        "version": VERSION,
        "id": message.id,
        "title": title(message),
        "site": message.site,
        "host": message.host,
        "release": message.release,
        "directory": message.directory,
        "at": stamp(message.at),
        "test": message.is_test,
        "alerts": [_data(item) for item in message.items],
    }


def summary(item: Item) -> str:
    """`web is crash-looping and ran out of memory`, `web recovered after 5 min (was crash-looping)`."""
    took = show_seconds(item.at - item.began)
    if not item.process:
        return "the disk is full" if item.state == "open" else f"the disk has room again after {took}"
    what = " and ".join(PLAIN.get(kind, (kind, kind))[item.state != "open"] for kind in kinds(item))
    return (
        f"{item.process} {what}"
        if item.state == "open"
        else f"{item.process} {AFTERWARDS[item.state]} after {took} ({what})"
    )


def kinds(item: Item) -> list[str]:
    return list(dict.fromkeys(trouble.kind for trouble in item.troubles))


def stamp(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def one_line(words: str) -> str:
    """Without line ends and control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in words).split())


def as_json(message: Message) -> bytes:
    return json.dumps(data(message), ensure_ascii=False).encode("utf-8", "replace")


def _in_short(items: tuple[Item, ...]) -> str:
    named = [summary(item).partition(" (")[0] for item in items[:NAMED_MAX]]
    more = [f"{len(items) - NAMED_MAX} more"] if len(items) > NAMED_MAX else []
    return ", ".join([*named, *more])


def _about(item: Item) -> list[str]:
    since = f" (since {stamp(item.began)})" if item.state == "open" else ""
    return [f"{summary(item)}{since}", *(line for trouble in item.troubles for line in _trouble(trouble))]


def _trouble(trouble: Trouble) -> list[str]:
    lines = [f"    {trouble.instance}: {trouble.said}" if trouble.instance else f"    {trouble.said}"]
    if trouble.lines:
        lines += ["", f"    Last lines of {trouble.instance}:", *(f"        {line}" for line in trouble.lines)]
    return lines


def _place(message: Message) -> list[str]:
    release = f", release {message.release}" if message.release else ""
    return [f"{message.site} on {message.host}{release}", f"{message.directory}", "See: procession status"]


def _data(item: Item) -> dict[str, object]:
    return {
        "id": item.id,
        "process": item.process,
        "state": item.state,
        "kinds": kinds(item),
        "summary": summary(item),
        "began": stamp(item.began),
        "ended": None if item.state == "open" else stamp(item.at),
        "troubles": [
            {"kind": one.kind, "instance": one.instance, "said": one.said, "lines": list(one.lines)}
            for one in item.troubles
        ],
    }
