"""What another engine says of the site, in the words of our own supervisor's views."""

from __future__ import annotations

import argparse

from procession.console import engine, text
from procession.console.asking import ask
from procession.control import wire
from procession.engines.base import Row, State
from procession.engines.registry import engine as find_engine
from procession.engines.steps import drive
from procession.refusal import Refusal


def other_engine(options: argparse.Namespace) -> tuple[str, wire.Message | None, str]:
    """Its name, the status that it gives (None where it gives none), and why it gives none."""
    name = ""
    try:
        applied = engine.chosen(options)
        if applied is None:
            return "", None, "no supervisor runs here"
        name = applied.engine
        tool = find_engine(name)
        rows = drive(tool.status(ask(tool, applied, options)), text.say)
    except Refusal as refusal:
        return name, None, refusal.what
    return name, {"instances": [as_view(row) for row in rows], "processes": []}, ""


def as_view(row: Row) -> wire.Message:
    """The keys that an examination reads; what an engine does not know is as if nothing had happened."""
    is_dead = row.state in (State.FAILED, State.BACKOFF)
    return {
        "name": row.name,
        "process": row.process,
        "phase": row.state.value,
        "pid": row.pid,
        "wanted": row.state is not State.STOPPED,
        "uptime_seconds": row.uptime_seconds or 0.0,
        "restarts": row.restarts or 0,
        "deaths": 0,
        "crash_looping": False,
        "last_exit": row.said if is_dead else "",
        "why": row.said,
    }
