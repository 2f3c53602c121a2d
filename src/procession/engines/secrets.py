"""Secrets among the declared variables: an engine's files are read by more people and tools than a site's own.

An env file is named in them, and read where the process starts; what ENV says itself would have to be written out.
"""

from __future__ import annotations

from procession.errors import Problem
from procession.stack.hidden import PASSWORD_IN_URL, is_secret
from procession.stack.model import Process, Stack


def secret_variables(process: Process) -> list[str]:
    """The names of the declared variables that hold a secret, by their name or by a password in a URL."""
    return [
        name
        for name, value in process.environment.items()
        if value and (is_secret(name) or PASSWORD_IN_URL.search(value))
    ]


def written_out(stack: Stack, file: str) -> list[Problem]:
    """One error for each secret that would be written into `file`. For an engine that was not told to do it."""
    fix = "put it into an ENV_FILE, which is read when the process starts"
    return [
        Problem(
            "E100",
            f"{process.name}.env.{name}",
            f"a secret, it would be written into {file}",
            process.origin.text(),
            fix,
        )
        for process in stack.processes
        for name in secret_variables(process)
    ]
