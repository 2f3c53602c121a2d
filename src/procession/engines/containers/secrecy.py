"""Which values of an environment may be written into a file that others read, and what stands for the others."""

from __future__ import annotations

from collections.abc import Sequence

from procession.engines.containers.stores import password
from procession.engines.secrets import in_commands, is_hidden, left_out, of_env, secret_variables
from procession.engines.text.docker import Data, Variable
from procession.errors import Problem
from procession.stack.model import Process, Stack

SECRETS = "/run/secrets"


def shown_environment(process: Process, as_files: Sequence[str], *, writes: bool) -> dict[str, Data]:
    """`process.environment`; unless `writes`, a secret comes from the tool's own environment, or as a file."""
    shown: dict[str, Data] = {}
    for name, value in process.environment.items():
        if name not in as_files:
            is_taken = is_hidden(name, value) and not writes
            shown[name] = Variable(name, f"a secret of {process.name}") if is_taken else value
    return {**shown, **{f"{name}_FILE": f"{SECRETS}/{name}" for name in as_files}}


def taken_variables(stack: Stack, as_files: Sequence[str], *, writes: bool) -> list[str]:
    """What Compose takes from its own environment as it reads the file, and refuses to read it without."""
    secret = () if writes else [name for process in stack.processes for name in secret_variables(process)]
    passwords = [password(name).name for name in stack.services]
    return list(dict.fromkeys([*secret, *as_files, *passwords]))


def secret_problems(stack: Stack, as_files: Sequence[str], *, writes: bool) -> list[Problem]:
    """Where a secret would have been written, or is."""
    if writes:
        return [*of_env(stack, "compose", "the engine's file", writes=True), *in_commands(stack)]
    fix = "set {} where you apply, or in the .env beside the file; or name it in SECRETS"
    what = "left out of the engine's file, and taken from where you apply"
    return [*left_out(stack, what, fix, but=as_files), *in_commands(stack)]
