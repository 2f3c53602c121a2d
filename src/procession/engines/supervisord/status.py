"""`supervisorctl status`, read: one row for each instance."""

from __future__ import annotations

import re

from procession.engines.base import Asked, Row, State
from procession.engines.steps import Steps
from procession.engines.supervisord.options import next_name, tells
from procession.engines.supervisord.places import is_told, supervisorctl
from procession.refusal import ExitCode, Refusal
from procession.stack.model import Kind, Process

LINE = re.compile(r"(?P<name>\S+)\s+(?P<word>[A-Z]+)\s*(?P<said>.*)")
RUNNING = re.compile(r"pid (?P<pid>\d+), uptime (?:(?P<days>\d+) days?, )?(?P<h>\d+):(?P<m>\d\d):(?P<s>\d\d)")
STATES = {
    "STOPPED": State.STOPPED,
    "STARTING": State.STARTING,
    "RUNNING": State.READY,  # it has lived for `startsecs`: supervisord knows no other readiness; see `_state`
    "BACKOFF": State.BACKOFF,
    "STOPPING": State.STOPPING,
    "EXITED": State.DONE,
    "FATAL": State.FAILED,
    "UNKNOWN": State.FAILED,
}
ANSWERED = (0, 3)  # exit codes of `supervisorctl status`: all runs, some do not; it prints nothing where there is none


def status(asked: Asked) -> Steps[tuple[Row, ...]]:
    """Raises Refusal where no supervisord is there."""
    done = yield supervisorctl(asked, "status", looks=True)
    rows = read_rows(done.stdout, asked)
    if not rows and done.status not in ANSWERED:
        raise Refusal(f"no supervisord is there: {done.last_words()}", "procession apply", code=ExitCode.NO_SUPERVISOR)
    return rows


def read_rows(text: str, asked: Asked) -> tuple[Row, ...]:
    """In the order of the declaration; without those who hold listeners, which are no instances of the site."""
    found = {match["name"]: match for line in text.splitlines() if (match := LINE.fullmatch(line.rstrip()))}
    known = [
        (process, name)
        for process in asked.stack.processes
        for name in (*process.instances(), next_name(process))
        if name in found and (name != next_name(process) or found[name]["word"] != "STOPPED")
    ]
    return tuple(_row(asked, process, found[name]) for process, name in known)


def _row(asked: Asked, process: Process, match: re.Match[str]) -> Row:
    running = RUNNING.match(match["said"])
    state = _state(asked, process, match)
    said = f"{match['word']}: {match['said']}".removesuffix(": ")
    if process.kind is Kind.TASK:
        said = "" if state is State.DONE else "procession apply runs it"
    return Row(
        name=match["name"],
        process=process.name,
        state=state,
        said="" if running else said,
        pid=int(running["pid"]) if running else 0,
        uptime_seconds=_seconds(running) if running else None,
    )


def _state(asked: Asked, process: Process, match: re.Match[str]) -> State:
    """As supervisord sees it, but for what an instance says itself, and for a task that `apply` has run."""
    state = STATES[match["word"]]
    if process.kind is Kind.TASK and state is not State.READY:
        return State.DONE if is_told(asked, match["name"]) else State.STOPPED
    if state is State.READY and tells(process, asked.stack) and not is_told(asked, match["name"]):
        return State.STARTING
    return state


def _seconds(running: re.Match[str]) -> float:
    days, hours, minutes, seconds = (int(running[key] or 0) for key in ("days", "h", "m", "s"))
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
