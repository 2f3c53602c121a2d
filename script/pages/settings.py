"""The reference page of the settings, from the fields of the dataclasses of procession.stack.model."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from typing import get_args, get_origin, get_type_hints

from procession.stack.model import Alerts, Backoff, Common, Declaration, Limits, Log, Probe, settings_key
from procession.units import show_bytes

SETTINGS = """\
# Settings

<!-- Written by script/reference.py from the fields of procession.stack.model: change those, and run it. -->

The keys of one process in `PRODUCTION_PROCESSES` and `DEVELOPMENT_PROCESSES`, and those of `PRODUCTION_STACK`, which is
for what is common to all processes. None is needed but `BACKEND` or `COMMAND`; what is left out is the backend's to
fill in.

A **duration** is a number of seconds, or text such as `"30s"`, `"5m"`, `"1.5h"`, `"1d"`. A **size** is a number of
bytes, or text such as `"512M"`, `"2G"`, in powers of 1024. A **list** may be written as one string, which is split as
a shell would. Keys may be written in any case.
"""
PARTS = {
    Common: (
        "PRODUCTION_STACK",
        "What is common to all processes. A process's own value wins; mappings (ENV, LOG, ...) merge key by key.",
    ),
    Probe: (
        "STARTUP, READINESS and LIVENESS",
        "A probe: how to learn whether an instance has started, is ready, or is alive. [How to](../how-to/health.md).",
    ),
    Backoff: (
        "BACKOFF",
        "The wait before the next start, after deaths in a row that came before the process was steady.",
    ),
    Limits: ("LIMITS", "What one instance may use; 0 is no limit."),
    Alerts: (
        "ALERTS",
        "Who is told when something goes wrong, and when it is well again. [How to](../how-to/alerts.md).",
    ),
    Log: ("LOG", "Where an instance's lines go, and how long they are kept."),
}


HEADINGS: Mapping[type, str] = {part: keys for part, (keys, _) in PARTS.items()}  # where a mapping's own keys are


def settings_page() -> str:
    sections = [SETTINGS, "## A process", table(Declaration)]
    for part, (keys, doc) in PARTS.items():
        sections += [f"## {keys}", doc, table(part)]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def table(kind: type, headings: Mapping[type, str] = HEADINGS) -> str:
    """The fields of a dataclass of settings as a Markdown table; with their defaults, where one has any."""
    hints = get_type_hints(kind)
    has_defaults = any(default(field) for field in fields(kind))
    lines = [row("key", "value", "default" if has_defaults else None, "")]
    lines.append("|---" * (lines[0].count("|") - 1) + "|")
    for field in fields(kind):
        shown = default(field) if has_defaults else None
        value = form(field, hints[field.name], headings)
        lines.append(row(f"`{settings_key(field.name)}`", value, shown, field.metadata["doc"]))
    return "\n".join(lines)


def row(*cells: str | None) -> str:
    """A line of a table, without the cells that are None."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells if cell is not None) + " |"


def form(field: Field[object], hint: object, headings: Mapping[type, str]) -> str:
    """What a person writes for a field: "duration", "`always`, `on-failure` or `never`", ..."""
    if said := field.metadata["form"]:
        return str(said)
    for unit, name in (("_seconds", "duration"), ("_bytes", "size")):
        if field.name.endswith(unit):
            return name
    options = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    words = (type_words(option, headings) for option in options if option is not types.NoneType)
    return " or ".join(dict.fromkeys(words))


def type_words(hint: object, headings: Mapping[type, str]) -> str:
    words = {str: "text", int: "number", float: "number", bool: "true or false", tuple: "list", Mapping: "mapping"}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(f"`{member.value}`" for member in hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return f"[mapping](#{anchor(headings[hint])})"
    kind = get_origin(hint) or hint
    if kind not in words:
        raise TypeError(f"no words for {hint}: add them here")
    return words[kind]


def anchor(heading: str) -> str:
    return heading.lower().replace(",", "").replace(" ", "-")


def default(field: Field[object]) -> str:
    value = field.default_factory() if field.default_factory is not MISSING else field.default
    if value is None or value in ((), {}, ""):
        return ""
    if field.name.endswith("_bytes") and isinstance(value, int) and value > 0:
        return show_bytes(value)
    if is_dataclass(value):
        return ""  # that of its own fields
    if isinstance(value, tuple):
        return " ".join(f"`{one}`" for one in value)
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
