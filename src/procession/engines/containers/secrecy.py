"""Which values of an environment may be written into a file that others read, and what stands for the others."""

from __future__ import annotations

from collections.abc import Sequence

from procession.engines.text.docker import Data, Variable
from procession.errors import Problem
from procession.stack.hidden import hide_in_text, is_secret
from procession.stack.model import Process

SECRETS = "/run/secrets"


def shown_environment(process: Process, as_files: Sequence[str]) -> dict[str, Data]:
    """`process.environment` without a secret: the tool takes it from its own environment, or it comes as a file."""
    shown: dict[str, Data] = {}
    for name, value in process.environment.items():
        if name not in as_files:
            shown[name] = Variable(name, f"a secret of {process.name}") if holds_secret(name, value) else value
    return {**shown, **{f"{name}_FILE": f"{SECRETS}/{name}" for name in as_files}}


def holds_secret(name: str, value: str) -> bool:
    return bool(value) and (is_secret(name) or hide_in_text(value) != value)


def secret_problems(process: Process, as_files: Sequence[str]) -> list[Problem]:
    """Where a secret would have been written."""
    return [
        Problem(
            "W120",
            f"{process.name}.env.{name}",
            "holds a secret, which is not written into the engine's file",
            process.origin.text(),
            f"set {name} where you apply, or in the .env beside the file; or name it in SECRETS",
        )
        for name, value in process.environment.items()
        if name not in as_files and holds_secret(name, value)
    ]
