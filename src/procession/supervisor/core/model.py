"""All that the supervisor knows: what shall run, each instance, and who waits for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from procession.stack.model import Process, Stack
from procession.supervisor.core.instance import Instance, outgoing_key

REPLICAS_MAX = 10_000  # of one process; a slip of the keyboard is not to fill a machine


class Goal(StrEnum):
    """What an operation waits for."""

    RUNNING = "running"  # every one is ready, or has done its task
    AT_REST = "at rest"  # every one is gone


@dataclass(frozen=True, slots=True)
class Operation:
    """A command under way. `lives` says from which life on an instance counts: a restart waits for the next one."""

    id: int
    goal: Goal
    lives: Mapping[str, int]
    began: float
    said: tuple[str, ...] = ()  # what is told when all went well


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    stack: Stack
    instances: Mapping[str, Instance] = field(default_factory=dict)  # by name, in start order
    operations: tuple[Operation, ...] = ()
    scaled: Mapping[str, int] = field(default_factory=dict)  # by a person, until declared anew
    lives: int = 0  # starts so far, of all instances: the last life given out
    is_ending: bool = False  # everything goes down, then the supervisor

    def find(self, name: str, life: int) -> Instance | None:
        """The instance that lives this life: the one of that name, or the one that it replaces."""
        for key in (name, outgoing_key(name)):
            instance = self.instances.get(key)
            if instance is not None and instance.life == life:
                return instance
        return None

    def replicas(self, process: Process) -> int:
        return self.scaled.get(process.name, process.replicas)


def empty() -> Model:
    return Model(stack=Stack(name="", directory="", processes=()))
