"""`supervisorctl status`, read: one row for each instance."""

from __future__ import annotations

import re

from procession.engines.base import Asked, Row, State
from procession.engines.steps import Steps
from procession.engines.supervisord.places import instances, supervisorctl
from procession.refusal import ExitCode, Refusal
from procession.stack.model import Kind, Process

LINE = re.compile(r"(?P<process>\S+):(?P<name>\S+)\s+(?P<word>[A-Z]+)\s*(?P<said>.*)")
RUNNING = re.compile(r"pid (?P<pid>\d+), uptime (?:(?P<days>\d+) days?, )?(?P<h>\d+):(?P<m>\d\d):(?P<s>\d\d)")
STATES = {
    "STOPPED": State.STOPPED,
    "STARTING": State.STARTING,
    "RUNNING": State.READY,  # it has lived for `startsecs`: supervisord knows no other readiness
    "BACKOFF": State.BACKOFF,
    "STOPPING": State.STOPPING,
    "EXITED": State.DONE,
    "FATAL": State.FAILED,
    "UNKNOWN": State.FAILED,
}
NO_SUPERVISORD = 4  # LSB: status unknown
HOLDER = 0  # the number of the instance that only keeps a listener open


def status(asked: Asked) -> Steps[tuple[Row, ...]]:
    """Raises Refusal where no supervisord is there."""
    done = yield supervisorctl(asked, "status", looks=True)
    rows = read_rows(done.stdout, asked)
    if not rows:
        raise Refusal(f"no supervisord is there: {done.last_words()}", "procession apply", code=ExitCode.NO_SUPERVISOR)
    return rows


def read_rows(text: str, asked: Asked) -> tuple[Row, ...]:
    """In the order of the declaration; without the holders, which are no instances of the site."""
    found = {match["name"]: match for line in text.splitlines() if (match := LINE.fullmatch(line.rstrip()))}
    known = [(process, name) for process, name in instances(asked, tasks=True) if name in found]
    return tuple(_row(process, found[name]) for process, name in known)


def _row(process: Process, match: re.Match[str]) -> Row:
    is_task = process.kind is Kind.TASK
    running = RUNNING.match(match["said"])
    said = "a task: procession apply runs it" if is_task and not running else match["said"]
    return Row(
        name=match["name"],
        process=process.name,
        state=State.STOPPED if is_task and not running else STATES[match["word"]],  # whether it was well is not told
        said="" if running else f"{match['word']}: {said}".removesuffix(": "),
        pid=int(running["pid"]) if running else 0,
        uptime_seconds=_seconds(running) if running else None,
    )


def _seconds(running: re.Match[str]) -> float:
    days, hours, minutes, seconds = (int(running[key] or 0) for key in ("days", "h", "m", "s"))
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
