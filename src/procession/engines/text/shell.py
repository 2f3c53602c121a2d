"""A line for sh, as a Procfile has it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

PROGRAM = re.compile(r"[A-Za-z0-9_./-]*[./][A-Za-z0-9_./-]*|[A-Za-z0-9_-]+")
RESERVED = frozenset(
    {"case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "select", "then", "time"}
    | {"until", "while"}
)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def shell_line(argv: Sequence[str], variables: Mapping[str, str]) -> str:
    """One line for sh: `A=1 program argument`. Raises ValueError for a line break, which a Procfile cannot hold."""
    if not all(map(VARIABLE.fullmatch, variables)):
        return as_command(argv, variables)
    words = [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
    line = " ".join([*words, _program(argv[0]), *map(shlex.quote, argv[1:])])
    if len(f"{line}.".splitlines()) > 1:  # as those who read it split it, which is at more than a line feed
        raise ValueError("a line cannot hold a line break")
    return line


def as_command(argv: Sequence[str], variables: Mapping[str, str]) -> str:
    """The same behind `exec`, which takes no variables itself. Raises ValueError."""
    words = [f"{name}={value}" for name, value in variables.items()]
    return shell_line([*(["env", *words] if words else []), *argv], {})


def _program(word: str) -> str:
    """Quoted where sh would take it for a variable, or for a word of its own."""
    if PROGRAM.fullmatch(word) and word not in RESERVED:
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"
