"""What `docker stack ps` says of Swarm's tasks -> rows of `status`.

A task is one life of an instance: Swarm never starts one again, it makes another one for the same slot.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from procession.engines.base import Row, State
from procession.stack.model import Kind, Stack

STATES: Final = {
    "Running": State.READY,  # not before its health check was passed for the first time
    "Complete": State.DONE,
    "Shutdown": State.STOPPED,
    "Remove": State.STOPPED,
    "Failed": State.BACKOFF,
    "Rejected": State.BACKOFF,  # by its node: no such image, no such mount; Swarm tries again
    "Orphaned": State.FAILED,
}  # all others are on the way: New, Pending, Assigned, Accepted, Preparing, Ready, Starting
ENDED: Final = frozenset({"Complete", "Shutdown", "Failed", "Rejected", "Orphaned", "Remove"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One of Swarm's tasks: an instance, or what one was before."""

    id: str
    name: str  # "site_web.1"
    node: str
    wanted: str  # Running, Shutdown, Ready, Complete, Remove
    now: str  # "Running 5 minutes ago"
    error: str

    @property
    def word(self) -> str:
        return self.now.partition(" ")[0]

    @property
    def serves(self) -> bool:
        """It is there and goes on: beside it, the next one of its slot may be starting."""
        return self.word == self.wanted == "Running"


def read_tasks(text: str) -> list[Task]:
    """JSON, one task a line, the newest of each slot first."""
    found = [json.loads(line) for line in text.splitlines() if line.strip()]
    return [
        Task(
            id=one["ID"],
            name=one["Name"].lstrip("\\_ "),
            node=one["Node"],
            wanted=one["DesiredState"],
            now=one["CurrentState"],
            error=one["Error"],
        )
        for one in found
    ]


def end_of(text: str) -> str:
    """How the newest task ended: "Complete", "Failed", ...; "" for as long as it has not, or there is none."""
    tasks = read_tasks(text)
    return tasks[0].word if tasks and tasks[0].word in ENDED else ""


def instances(tasks: Iterable[Task], stack: Stack) -> dict[str, Task]:
    """By the instance's name ("web.1"), in the stack's order: the task that serves, else the newest."""
    ours = f"{stack.name}_"  # What has another name is a task of a service that is gone.
    found: dict[str, Task] = {}
    for task in tasks:
        name = task.name.removeprefix(ours)
        if name != task.name and (name not in found or (task.serves and not found[name].serves)):
            found[name] = task
    order = {process.name: at for at, process in enumerate(stack.processes)}
    names = sorted(found, key=lambda name: (order.get(process_of(name), len(order)), _numbered(name)))
    return {name: found[name] for name in names}


def process_of(name: str) -> str:
    """ "web" of "web.1"; a global service's task is named web.NODE-ID."""
    return name.partition(".")[0]


def _numbered(name: str) -> tuple[str, int, str]:
    """web.2 before web.10."""
    process, _, slot = name.partition(".")
    return process, int(slot) if slot.isdigit() else 0, slot


def rows(tasks: Iterable[Task], stack: Stack) -> list[Row]:
    """One for each instance; a process without one is stopped. Of a slot that was taken away nothing is said."""
    found = instances(tasks, stack)
    there = {process_of(name) for name, task in found.items() if not _is_gone(task)}
    missing = [one.name for one in stack.processes if one.name not in there and one.kind is Kind.PROCESS]
    return [
        *(_row(name, task) for name, task in found.items() if not _is_gone(task)),
        *(Row(name=name, process=name, state=State.STOPPED, said="no instance is wanted") for name in missing),
    ]


def _is_gone(task: Task) -> bool:
    return task.word in ENDED and task.wanted in ("Shutdown", "Remove") and not task.error


def _row(name: str, task: Task) -> Row:
    said = " · ".join(part for part in (task.now, f"node {task.node}" if task.node else "", task.error) if part)
    return Row(name=name, process=process_of(name), state=_state(task), said=said, life=task.id)


def _state(task: Task) -> State:
    if task.word == "Ready" and task.wanted == "Ready":
        return State.BACKOFF  # It stands by until the delay of its restart policy is over.
    if task.word == "Running" and task.wanted != "Running":
        return State.STOPPING
    return STATES.get(task.word, State.STARTING)
