"""One process of the declaration by its name, complete and with its arguments overridden; and the list of all."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from procession.backends.arguments import overridden
from procession.backends.registry import find
from procession.errors import Problem
from procession.load import load
from procession.refusal import ExitCode, Refusal
from procession.stack.declare import Said, declare
from procession.stack.declared import Declared
from procession.stack.model import Process, Site
from procession.stack.values import suggestion


@dataclass(frozen=True, slots=True)
class Wrong(Exception):
    """What was declared cannot be run: its problems, all at once."""

    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        return "\n".join(line for problem in self.problems for line in problem.lines())


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    backend: str
    command: str
    replicas: str


def project_directory() -> str:
    """Where manage.py is, if it is what runs us; else the working directory."""
    script = os.path.abspath(sys.argv[0])
    return os.path.dirname(script) if os.path.basename(script) == "manage.py" else os.getcwd()


def pick(declared: Declared, site: Site, name: str | None, extra: Sequence[str] = ()) -> Process:
    """The process of that name, or the first declared; `extra` arguments come after its own and win over them.

    Raises Wrong for a declaration with mistakes, and Refusal (exit code 2) for a name that is not declared.
    """
    names = [str(known) for known in declared.processes]
    chosen = name or next(iter(names), "")
    if chosen and chosen not in names:
        near = suggestion(chosen, names)
        raise Refusal(f'there is no process "{chosen}"; declared are: {", ".join(names)}', near, code=ExitCode.USAGE)
    if extra:
        declared = _with_arguments(declared, chosen, tuple(extra))
    stack, problems = load(declared, site, only={chosen} if chosen else None)
    process = stack.process(chosen) if stack else None
    if process is None:
        raise Wrong(tuple(problem for problem in problems if problem.is_error))
    return process


def rows(declared: Declared, site: Site) -> list[Row]:
    """One row for each process, "?" for the command of one that cannot be run as it is declared."""
    read = declare(declared)
    said = {one.name: one for one in read.said}
    return [_row(name, said.get(name), declared, site) for name in read.names]


def _row(name: str, said: Said | None, declared: Declared, site: Site) -> Row:
    stack, _ = load(declared, site, check_options=False, only={name}) if said else (None, [])
    process = stack.process(name) if stack else None
    if process is None:
        backend = said.declaration.backend if said else None
        return Row(name, backend or "?", "?", "?")
    return Row(name, process.backend, shlex.join(process.argv), str(process.replicas))


def _with_arguments(declared: Declared, name: str, extra: tuple[str, ...]) -> Declared:
    """`declared` with the arguments of one process overridden: its ARGS, or the end of its COMMAND."""
    said = next((one for one in declare(declared).said if one.name == name), None)
    raw = declared.processes[name]
    if said is None or not said.is_good or not isinstance(raw, dict):
        return declared  # Its own problems come first.
    key, value = _overridden(said, extra)
    kept = {word: item for word, item in raw.items() if str(word).upper() != key}
    return replace(declared, processes={**declared.processes, name: {**kept, key: value}})


def _overridden(said: Said, extra: tuple[str, ...]) -> tuple[str, list[str]]:
    declaration = said.declaration
    if declaration.command:
        return "COMMAND", [*declaration.command, *extra]
    backend = find(declaration.backend or "command")
    options = backend.options() if backend else ()
    return "ARGS", list(overridden(declaration.args, extra, options))
