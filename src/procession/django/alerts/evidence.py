"""What a message brings along: the last lines of who is in trouble, and which release that is. No secret in either."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from procession.console.lastlines import fold_libraries
from procession.console.lines import harmless
from procession.console.moments import as_stamp
from procession.django.alerts.request import Item, Message, Request, Trouble
from procession.recorder.reading.logs import Wanted, read_logs
from procession.recorder.reading.parts import log_paths, parts_of
from procession.stack.hidden import hide_in_line, is_secret

INSTANCES_MAX = 3  # of one alert whose lines are shown
LINES_READ = 400  # a traceback through a library is folded to a few lines
LINE_CHARACTERS_MAX = 500
LATE_SECONDS = 1.0  # what was said last may have been read just after the death was seen
SECRET_CHARACTERS_MIN = 6  # a shorter value is a word that stands in lines for other reasons
GIT_CHARACTERS = 12


def complete(request: Request, environment: Mapping[str, str]) -> Message:
    """The message with lines and release. What cannot be read is left out: it must not keep the message here."""
    secrets = secret_values(environment)
    items = [_with_lines(item, request, secrets) for item in request.message.items]
    return replace(request.message, items=tuple(items), release=release_of(request.directory, environment))


def secret_values(environment: Mapping[str, str]) -> list[str]:
    """The values of the variables that hold a secret; the longest first, as one may be a part of another."""
    found = {value for name, value in environment.items() if is_secret(name) and len(value) >= SECRET_CHARACTERS_MIN}
    return sorted(found, key=len, reverse=True)


def release_of(directory: str, environment: Mapping[str, str]) -> str:
    """SENTRY_RELEASE, the 42 of releases/42, or the commit that is checked out; "" if none of them is there."""
    if environment.get("SENTRY_RELEASE"):
        return environment["SENTRY_RELEASE"]
    parts = os.path.realpath(directory).split(os.sep)
    if "releases" in parts[:-1]:
        return parts[parts.index("releases") + 1]
    return _commit(os.path.join(directory, ".git"))


def _commit(folder: str) -> str:
    """Read from its files (gitrepository-layout(5)): git itself may be missing, or may not trust the folder."""
    head = _first_line(os.path.join(folder, "HEAD"))
    if not head.startswith("ref: "):
        return head[:GIT_CHARACTERS]
    ref = head.removeprefix("ref: ")
    return (_first_line(os.path.join(folder, ref)) or _packed(folder, ref))[:GIT_CHARACTERS]


def _packed(folder: str, ref: str) -> str:
    try:
        with open(os.path.join(folder, "packed-refs"), encoding="utf-8", errors="replace") as file:
            return next((line.split()[0] for line in file if line.rstrip().endswith(f" {ref}")), "")
    except OSError:
        return ""


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readline().strip()
    except OSError:
        return ""


def _with_lines(item: Item, request: Request, secrets: list[str]) -> Item:
    troubles = [replace(one, said=hide_in_line(one.said, secrets)) for one in item.troubles]
    if item.state != "open":
        return replace(item, troubles=tuple(troubles))
    shown = list(dict.fromkeys(one.instance for one in troubles if one.instance))[:INSTANCES_MAX]
    lines = {name: last_lines(name, item.at, request, secrets) for name in shown}
    return replace(item, troubles=tuple(_given(one, lines) for one in troubles))


def _given(trouble: Trouble, lines: dict[str, tuple[str, ...]]) -> Trouble:
    """Its lines are shown where it is named first."""
    return replace(trouble, lines=lines.pop(trouble.instance, ()))


def last_lines(instance: str, at: float, request: Request, secrets: list[str]) -> tuple[str, ...]:
    """What it had said until then, calls within libraries folded; plain text, whatever was in it."""
    count = request.alerts.lines
    until = as_stamp(datetime.fromtimestamp(at + LATE_SECONDS, UTC), is_end=True)
    try:
        path = log_paths(request.stack_directory).get(instance)
        wanted = Wanted(until=until, last=LINES_READ)
        records = [] if path is None or not count else list(read_logs({instance: parts_of(path)}, wanted))
    except OSError:
        return ()
    lines = fold_libraries(record.text for record in records)[-count:]
    return tuple(hide_in_line(harmless(line, has_color=False), secrets)[:LINE_CHARACTERS_MAX] for line in lines)
