"""What `docker stack ps` says of Swarm's tasks -> rows of `status`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from procession.engines.base import Row, State
from procession.stack.model import Kind, Stack

STATES: Final = {
    "Running": State.READY,
    "Complete": State.DONE,
    "Shutdown": State.STOPPED,
    "Remove": State.STOPPED,
    "Failed": State.BACKOFF,
    "Rejected": State.FAILED,
    "Orphaned": State.FAILED,
}  # all others are on the way: New, Pending, Assigned, Accepted, Preparing, Ready, Starting


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One of Swarm's tasks: an instance, or what one was before."""

    name: str  # "site_web.1"
    node: str
    wanted: str  # Running, Shutdown, Ready, Complete, Remove
    now: str  # "Running 5 minutes ago"
    error: str

    @property
    def word(self) -> str:
        return self.now.partition(" ")[0]


def read_tasks(text: str) -> list[Task]:
    """JSON, one task a line, the newest of each slot first."""
    found = [json.loads(line) for line in text.splitlines() if line.strip()]
    return [
        Task(
            name=one["Name"].lstrip("\\_ "),
            node=one["Node"],
            wanted=one["DesiredState"],
            now=one["CurrentState"],
            error=one["Error"],
        )
        for one in found
    ]


def job_state(text: str) -> str:
    """Of the newest task of a job: "Complete", "Failed", ...; "" while there is none."""
    tasks = read_tasks(text)
    return tasks[0].word if tasks else ""


def rows(tasks: Iterable[Task], stack: Stack) -> list[Row]:
    """The newest task of each slot, in the stack's order; a process without one is stopped."""
    newest: dict[str, Task] = {}
    for task in tasks:
        newest.setdefault(task.name, task)
    ours = f"{stack.name}_"  # What has another name is a task of a service that is gone.
    found = {name.removeprefix(ours): task for name, task in newest.items() if name.startswith(ours)}
    order = {process.name: at for at, process in enumerate(stack.processes)}
    names = sorted(found, key=lambda name: (order.get(_process(name), len(order)), name))
    there = {_process(name) for name in names}
    missing = [one.name for one in stack.processes if one.name not in there and one.kind is Kind.PROCESS]
    return [
        *(_row(name, found[name]) for name in names),
        *(Row(name=name, process=name, state=State.STOPPED, said="no instance is wanted") for name in missing),
    ]


def _process(name: str) -> str:
    """ "web" of "web.1"; a global service's task is named web.NODE-ID."""
    return name.partition(".")[0]


def _row(name: str, task: Task) -> Row:
    said = " · ".join(part for part in (task.now, f"node {task.node}" if task.node else "", task.error) if part)
    return Row(name=name, process=_process(name), state=STATES.get(task.word, State.STARTING), said=said)
