"""`systemctl show` as rows."""

from __future__ import annotations

import time
from collections.abc import Mapping

from procession.engines.base import Asked, Row, State
from procession.engines.steps import Steps
from procession.engines.systemd import names
from procession.engines.systemd.units import Unit, is_task, look, show

MICROSECONDS = 1_000_000
# By ActiveState, and SubState where that tells more (systemctl --state=help).
STATES: Mapping[tuple[str, str], State] = {
    ("active", "exited"): State.DONE,
    ("active", ""): State.READY,
    ("reloading", ""): State.READY,
    ("activating", "auto-restart"): State.BACKOFF,
    ("activating", ""): State.STARTING,
    ("deactivating", ""): State.STOPPING,
    ("failed", ""): State.FAILED,
    ("inactive", ""): State.STOPPED,
}
SAID_BY_CODE = frozenset({"success", "exit-code", "signal"})  # results that the code says better
CODES = {"1": "exit code", "2": "killed by signal", "3": "killed by signal"}  # CLD_EXITED, CLD_KILLED, CLD_DUMPED


def status(asked: Asked) -> Steps[tuple[Row, ...]]:
    """One row for each instance, declared or there."""
    if asked.options.supervisor:
        return (yield from _supervisor(asked))
    units = yield from look(asked)
    return tuple(row(unit, time.monotonic()) for unit in units if _matters(unit))


def row(unit: Unit, now: float) -> Row:
    """`now`: CLOCK_MONOTONIC in seconds, which systemd counts in, too."""
    return _row(unit.name, unit.process.name, unit.said, now, counts=not is_task(unit))


def _row(name: str, process: str, said: Mapping[str, str], now: float, *, counts: bool) -> Row:
    active, sub = said.get("ActiveState", ""), said.get("SubState", "")
    state = STATES.get((active, sub)) or STATES.get((active, ""), State.STOPPED)
    since = int(said.get("ActiveEnterTimestampMonotonic") or 0) / MICROSECONDS
    return Row(
        name=name,
        process=process,
        state=state,
        said=_said(said, state),
        pid=int(said.get("MainPID") or 0),
        uptime_seconds=now - since if state is State.READY and since else None,
        restarts=int(said.get("NRestarts") or 0) if counts else None,
    )


def _said(said: Mapping[str, str], state: State) -> str:
    """What the program says of itself; how it ended; or that its unit is not there."""
    if said.get("LoadState") not in ("loaded", None):
        return f"its unit is {said['LoadState']}"
    if state in (State.FAILED, State.BACKOFF):
        result, code = said.get("Result", ""), CODES.get(said.get("ExecMainCode", ""), "")
        ended = f"{code} {said.get('ExecMainStatus', '')}" if code else ""
        return ", ".join(part for part in ("" if result in SAID_BY_CODE else result, ended) if part)
    return said.get("StatusText", "")


def _matters(unit: Unit) -> bool:
    """Not what once was beside the declared ones, and has gone."""
    return unit.number <= unit.process.replicas or unit.is_up


def _supervisor(asked: Asked) -> Steps[tuple[Row, ...]]:
    unit = names.supervisor(asked.stack)
    said = yield from show(asked.options, unit)
    return (_row("supervisor", "supervisor", said.get(unit, {}), time.monotonic(), counts=True),)
