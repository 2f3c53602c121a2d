"""A line for sh, as a Procfile has it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence


def shell_line(argv: Sequence[str], variables: Mapping[str, str]) -> str:
    """One line for sh: `A=1 program argument`. Raises ValueError for a line break, which a Procfile cannot hold."""
    line = " ".join([*(f"{name}={shlex.quote(value)}" for name, value in variables.items()), shlex.join(argv)])
    if "\n" in line or "\r" in line:
        raise ValueError("a line cannot hold a line break")
    return line


def as_command(argv: Sequence[str], variables: Mapping[str, str]) -> str:
    """The same behind `exec`, which takes no variables itself. Raises ValueError."""
    words = [f"{name}={value}" for name, value in variables.items()]
    return shell_line([*(["env", *words] if words else []), *argv], {})
