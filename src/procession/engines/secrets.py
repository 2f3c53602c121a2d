"""Secrets of a declaration: an engine's files are read by more people and tools than a site's own.

One rule for every engine: the value of a secret is written nowhere. An env file is named in the engine's files, and
read where the process starts. What ENV itself says is left out where the engine can take it from a place of its own
(W101), else refused (E100); WRITE_SECRETS in the engine's options has it written, for the owner's eyes (W102).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from procession.errors import Problem
from procession.stack.hidden import PASSWORD_IN_URL, hide_in_argv, is_secret
from procession.stack.model import Process, Stack

PRIVATE_MODE = 0o600  # of a file that holds secrets
READ_BY_OTHERS = 0o077
ENV_FILE_FIX = "put it into an ENV_FILE, which is read when the process starts"
ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)\"?\s*[=:]\s*\S")  # NAME=x, NAME: x, "NAME": x


@dataclass(frozen=True, slots=True)
class Secret:
    """A variable of ENV. `where` is as a Problem has it: "web.env.SECRET_KEY", "stack.env.SECRET_KEY" if all say so."""

    name: str
    where: str
    origin: str

    def problem(self, id: str, what: str, fix: str) -> Problem:
        return Problem(id, self.where, f"a secret, {what}", self.origin, fix)


def is_hidden(name: str, value: str) -> bool:
    """Whether this variable holds a secret, by its name or by a password in a URL."""
    return bool(value) and (is_secret(name) or PASSWORD_IN_URL.search(value) is not None)


def secret_variables(process: Process) -> list[str]:
    """The names of its declared variables that hold a secret."""
    return [name for name, value in process.environment.items() if is_hidden(name, value)]


def find_secrets(stack: Stack) -> list[Secret]:
    """What all processes have in common is there once."""
    found: dict[str, Secret] = {}
    for process in stack.processes:
        for name in secret_variables(process):
            where = f"{'stack' if _is_common(name, process, stack) else process.name}.env.{name}"
            found.setdefault(where, Secret(name, where, process.origin.text()))
    return list(found.values())


def _is_common(name: str, process: Process, stack: Stack) -> bool:
    value = process.environment[name]
    return len(stack.processes) > 1 and all(one.environment.get(name) == value for one in stack.processes)


def of_env(stack: Stack, engine: str, into: str, *, writes: bool) -> list[Problem]:
    """For an engine that has no other place for a secret: one for each that would be, or is, written `into` a file."""
    fix = f'{ENV_FILE_FIX}; or PRODUCTION_STACK["ENGINES"]["{engine}"]["WRITE_SECRETS"] = True'
    if not writes:
        return [one.problem("E100", f"it would be written into {into}", fix) for one in find_secrets(stack)]
    return [one.problem("W102", f"written into {into}", ENV_FILE_FIX) for one in find_secrets(stack)]


def left_out(stack: Stack, what: str, fix: str, *, but: Collection[str] = ()) -> list[Problem]:
    """For an engine that takes it from elsewhere: one for each, but for those named. `fix` has {} for its name."""
    found = [one for one in find_secrets(stack) if one.name not in but]
    return [one.problem("W101", what, fix.replace("{}", one.name)) for one in found]


def in_commands(stack: Stack) -> list[Problem]:
    """A command line is in the engine's files as it was declared, and everybody on the host can see it (ps)."""
    what, fix = (
        "its command holds a secret, which is written as it is",
        f"{ENV_FILE_FIX}, if the program reads it there",
    )
    return [
        Problem("W103", f"{process.name}.args", what, process.origin.text(), fix)
        for process in stack.processes
        if hide_in_argv(process.argv) != list(process.argv)
    ]


def may_be_shown(text: str, mode: int) -> bool:
    """Whether a file may appear on a terminal, or in the log of whatever ran us: no secret is in it.

    A file that others may read holds none, or only what was declared to be seen (W103).
    """
    if mode & READ_BY_OTHERS:
        return True
    assigned = any(is_secret(match[1]) for match in ASSIGNED.finditer(text))
    return not assigned and PASSWORD_IN_URL.search(text) is None
