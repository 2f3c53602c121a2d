"""What is different between two stacks, field by field, and what that does to what runs. No secret is in it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import SequenceMatcher
from enum import StrEnum

from procession.stack.codec import to_data
from procession.stack.hidden import hide, hide_in_argv
from procession.stack.model import LIVE_FIELDS, Kind, Process, Stack

SILENT_FIELDS = frozenset({"origin", "workers"})  # A moved line is no news to a person; and argv says the other.


class Effect(StrEnum):
    """What a change does, the strongest last."""

    NOTHING = "nothing"  # what runs goes on; the new value holds from now on
    SCALE = "scale"
    RESTART = "restart"
    ROLL = "roll"  # only `diff` with `can_roll` knows of it
    AGAIN = "again"  # a task
    START = "start"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """`field` is dotted: "environment.DEBUG", "readiness.path". `old` and `new` are text; None: it is not there."""

    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """What is different about one process. `fields` is empty where the whole process is new or gone."""

    name: str
    effect: Effect
    fields: tuple[FieldChange, ...] = ()


def diff(old: Stack | None, new: Stack, can_roll: Callable[[Process], bool] = lambda _: False) -> tuple[Change, ...]:
    """What is new or changed, in the order of `new`, then what is gone. Equal stacks: ().

    What changes is rolled where both what runs and what shall run can be. All tasks run again once anything is
    different, those that are the same, too.
    """
    before = {process.name: process for process in old.processes} if old else {}
    names = {process.name for process in new.processes}
    found = [(process, _change(before.get(process.name), process, can_roll)) for process in new.processes]
    gone = [Change(name, Effect.STOP) for name in before if name not in names]
    if not gone and not any(change for _, change in found):
        return ()
    changes = [change or _again(process) for process, change in found]
    return (*(change for change in changes if change), *gone)


def lines(changes: Sequence[Change]) -> list[str]:
    """What a person reads: a line for each process, and under it one for each field."""
    return [line for change in changes for line in (_head(change), *(f"    {_line(one)}" for one in change.fields))]


def _again(process: Process) -> Change | None:
    return Change(process.name, Effect.AGAIN) if process.kind is Kind.TASK else None


def _change(old: Process | None, new: Process, can_roll: Callable[[Process], bool]) -> Change | None:
    if old is None:
        return Change(new.name, Effect.START)
    different = [field.name for field in fields(Process) if getattr(old, field.name) != getattr(new, field.name)]
    found = [change for name in different if name not in SILENT_FIELDS for change in _field(name, old, new)]
    told = tuple(change for change in found if not _is_echo(change, found))
    if not told:
        return None
    effect = Effect.AGAIN if new.kind is Kind.TASK else _effect(set(different))
    if effect is Effect.RESTART and can_roll(old) and can_roll(new):
        effect = Effect.ROLL
    return Change(new.name, effect, told)


def _is_echo(change: FieldChange, found: Sequence[FieldChange]) -> bool:
    """What differs in both command lines, with a listener to take over and without one, is said once."""
    return change.field == "handoff" and replace(change, field="argv") in found


def _effect(different: set[str]) -> Effect:
    if different - LIVE_FIELDS:
        return Effect.RESTART
    return Effect.SCALE if "replicas" in different else Effect.NOTHING


def _field(name: str, old: Process, new: Process) -> Iterator[FieldChange]:
    before, after = getattr(old, name), getattr(new, name)
    if name in {"argv", "handoff"}:
        yield from _words(name, hide_in_argv(before), hide_in_argv(after))
    else:
        yield from _values(name, to_data(before), to_data(after))


def _words(name: str, old: Sequence[str], new: Sequence[str]) -> Iterator[FieldChange]:
    """The words that differ, not the whole command line."""
    found = False
    for tag, start, end, other_start, other_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            found = True
            before, after = shlex.join(old[start:end]), shlex.join(new[other_start:other_end])
            yield FieldChange(name, before or None, after or None)
    if not found:
        yield FieldChange(name, "[hidden]", "[hidden]")


def _values(name: str, old: object, new: object) -> Iterator[FieldChange]:
    """Mappings key by key, as deep as they go; anything else as a whole."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            if old.get(key) != new.get(key):
                yield from _values(f"{name}.{key}", old.get(key), new.get(key))
    else:
        yield FieldChange(name, _text(name, old), _text(name, new))


def _text(name: str, value: object) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return hide(name.rpartition(".")[2], text) if name.startswith("environment.") else text


def _head(change: Change) -> str:
    replicas = next((one for one in change.fields if one.field == "replicas"), None)
    scaled = f" {replicas.old} -> {replicas.new} instances" if replicas else ""
    return {
        Effect.START: f"+ {change.name}: new",
        Effect.STOP: f"- {change.name}: no longer declared, stops",
        Effect.RESTART: f"~ {change.name}: restarts",
        Effect.ROLL: f"~ {change.name}: rolls",
        Effect.AGAIN: f"~ {change.name}: runs again",
        Effect.SCALE: f"~ {change.name}:{scaled}",
        Effect.NOTHING: f"~ {change.name}: goes on running",
    }[change.effect]


def _line(change: FieldChange) -> str:
    if change.old is None:
        return f"{change.field}: + {change.new}"
    if change.new is None:
        return f"{change.field}: - {change.old}"
    if change.old == change.new:
        return f"{change.field}: a hidden value is different"
    return f"{change.field}: {change.old} -> {change.new}"
