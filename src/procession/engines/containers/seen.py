"""What `docker inspect` says of containers -> rows of `status`.

Compose numbers containers and never gives a number again while it grows, so that after a roll those of web are 3 and 4.
We count: web.1 is the first that is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

from procession.engines.base import Row, State
from procession.stack.model import Kind, Stack

SERVICE: Final = "com.docker.compose.service"
NUMBER: Final = "com.docker.compose.container-number"
HASH: Final = "com.docker.compose.config-hash"
ONE_OFF: Final = "com.docker.compose.oneoff"  # `docker compose run`: no instance of ours
HEALTH: Final = {"healthy": State.READY, "unhealthy": State.UNREADY, "starting": State.STARTING}
STATES: Final = {
    "created": State.STARTING,
    "restarting": State.BACKOFF,
    "removing": State.STOPPING,
    "paused": State.UNREADY,
    "dead": State.FAILED,
}
PHASES: Final = {"waiting": State.STARTING, "standby": State.READY}  # of the supervisor; the others are on the way down
KILLED: Final = 128  # an exit code above it is a signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One container."""

    id: str
    container: str  # its name: "mysite-web-3"
    service: str
    number: int  # Compose's
    place: int  # ours, from 1
    image: str  # the image's id
    hash: str  # of its service, as Compose has it
    status: str  # Docker's word: running, exited, ...
    health: str  # "" without a check
    exit_code: int
    pid: int
    started: datetime | None
    restarts: int

    @property
    def name(self) -> str:
        return f"{self.service}.{self.place}"

    @property
    def is_up(self) -> bool:
        return self.status in ("running", "restarting", "paused")


def read_inspected(text: str) -> list[Seen]:
    """The JSON of `docker inspect ID...`, in the order of services and numbers. Raises ValueError for what is none."""
    found = [_seen(one) for one in json.loads(text or "[]") if _labels(one).get(ONE_OFF, "False") == "False"]
    found.sort(key=lambda one: (one.service, one.number))
    groups = groupby(found, lambda one: one.service)
    return [replace(one, place=place) for _, group in groups for place, one in enumerate(group, 1)]


def read_status(text: str) -> tuple[Row, ...]:
    """What `procession status --json` says. Raises ValueError, KeyError, TypeError for what is none of it."""
    return tuple(
        Row(
            name=one["name"],
            process=one["process"],
            state=_phase(one["phase"]),
            said=one["why"] or "",
            pid=0,  # It is another one outside of the container.
            uptime_seconds=one["uptime_seconds"] or None,
            restarts=one["restarts"],
        )
        for one in json.loads(text)["instances"]
    )


def _phase(word: str) -> State:
    """The supervisor has a few more words."""
    return State(word) if word in list(State) else PHASES.get(word, State.STOPPING)


def rows(seen: Iterable[Seen], stack: Stack, now: datetime) -> list[Row]:
    """One for each container, in the stack's order (stores and front after it), and one for what has none."""
    order = {process.name: at for at, process in enumerate(stack.processes)}
    found = sorted(seen, key=lambda one: (order.get(one.service, len(order)), one.service, one.number))
    there = {one.service for one in found}
    missing = [process for process in stack.processes if process.name not in there]
    return [*(_row(one, stack, now) for one in found), *(_missing(process.name) for process in missing)]


def _missing(name: str) -> Row:
    return Row(name=name, process=name, state=State.STOPPED, said="no container")


def _row(seen: Seen, stack: Stack, now: datetime) -> Row:
    is_up = seen.status == "running"
    uptime = max((now - seen.started).total_seconds(), 0.0) if is_up and seen.started else None
    return Row(
        name=seen.name,
        process=seen.service,
        state=_state(seen, stack),
        said=_said(seen) + (f", as {seen.container}" if seen.number != seen.place else ""),
        pid=seen.pid,
        uptime_seconds=uptime,
        restarts=seen.restarts,
    )


def _state(seen: Seen, stack: Stack) -> State:
    if seen.status == "running":
        return HEALTH.get(seen.health, State.READY)
    if seen.status != "exited":
        return STATES.get(seen.status, State.FAILED)
    process = stack.process(seen.service)
    if process is not None and process.kind is Kind.TASK:
        return State.DONE if seen.exit_code in process.success else State.FAILED
    return State.STOPPED


def _said(seen: Seen) -> str:
    if seen.status == "running":
        return seen.health or "runs"
    if seen.status != "exited":
        return seen.status
    if seen.exit_code > KILLED:
        return f"exited by signal {seen.exit_code - KILLED}"
    return f"exit code {seen.exit_code}" if seen.exit_code else "exited"


def _labels(inspected: Mapping[str, Any]) -> Mapping[str, str]:
    labels: Mapping[str, str] = inspected["Config"]["Labels"] or {}
    return labels


def _seen(inspected: Mapping[str, Any]) -> Seen:
    state, labels = inspected["State"], _labels(inspected)
    return Seen(
        id=inspected["Id"],
        container=inspected["Name"].lstrip("/"),
        service=labels.get(SERVICE, ""),
        number=int(labels.get(NUMBER, "0")),
        place=0,
        image=inspected["Image"],
        hash=labels.get(HASH, ""),
        status=state["Status"],
        health=(state.get("Health") or {}).get("Status", ""),
        exit_code=state["ExitCode"],
        pid=state["Pid"],
        started=_time(state["StartedAt"]),
        restarts=inspected.get("RestartCount", 0),
    )


def _time(text: str) -> datetime | None:
    """Docker's nanoseconds are cut; the year 1 is never."""
    head, _, _ = text.rstrip("Z").partition(".")
    when = datetime.fromisoformat(head).replace(tzinfo=UTC)
    return when if when.year > 1 else None
