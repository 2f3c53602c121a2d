"""Just enough of sh to run one line of it without a shell in between, so that a signal reaches the program.

It is careful: a line that it does not wholly understand goes to the shell as it was written.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

NEEDS_SHELL = frozenset("|&;<>()$`*?[]{}~!#\\\n")
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
LEADING_ASSIGNMENT = re.compile(rf"""{ASSIGNMENT.pattern}(?:[^\s'"\\$`]|"[^"]*"|'[^']*'|\$\w+)*\s+""")
VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}$]*))?\})")
# Words that the shell itself obeys: there is no program of that name to exec.
NOT_PROGRAMS = frozenset(
    {
        "!", ".", ":", "[[", "alias", "bg", "break", "case", "cd", "continue", "do", "done", "elif", "else",
        "esac", "eval", "exit", "export", "fg", "fi", "for", "function", "getopts", "hash", "if", "in", "jobs", "local",
        "read", "readonly", "return", "select", "set", "shift", "source", "then", "times", "trap", "type",
        "ulimit", "umask", "unalias", "unset", "until", "wait", "while", "{", "}"
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a Procfile as an argv, with the variables that it sets in front of the command (A=1 cmd).

    `reaches_program` is false where a shell stays in between and keeps the signals to itself: `a | b`.
    """

    argv: tuple[str, ...]
    variables: Mapping[str, str]
    reaches_program: bool = True


def to_argv(line: str) -> Line:
    """The line as an argv: its own words if no shell is needed, else `/bin/sh -c` that ends as its last command.

    Raises ValueError for quotes that are not closed.
    """
    words = shlex.split(line)
    if not words:
        raise ValueError("no command")
    variables, command = _assignments(words)
    if not NEEDS_SHELL & set(line) and command and command[0] not in NOT_PROGRAMS:
        return Line(tuple(command[1:] if command[0] == "exec" else command), variables)
    text = exec_last(line)
    return Line(("/bin/sh", "-c", text or line), {}, reaches_program=text is not None)


def exec_last(line: str) -> str | None:
    """`cd app && gunicorn x` as `cd app && exec gunicorn x`; None where its last command cannot become the shell."""
    start = last_command(line)
    if start is None:
        return None
    offset = start + len(line[start:]) - len(line[start:].lstrip())
    while match := LEADING_ASSIGNMENT.match(line, offset):
        offset = match.end()
    word = line[offset:].split(maxsplit=1)[0] if line[offset:].split() else ""
    if word == "exec":
        return line
    if not word or word in NOT_PROGRAMS or ASSIGNMENT.match(word) or word[0] in "<>":
        return None
    return f"{line[:offset]}exec {line[offset:]}"


def last_command(line: str) -> int | None:
    """Where the last command of `a && b; c` begins; None if one runs beside another (`a | b`, `a &`) or in a block."""
    starts = [0]
    position = 0
    while position < len(line):
        length = _token_length(line, position)
        if length is None:
            return None
        if line[position : position + length] in {"&&", "||", ";"}:
            starts.append(position + length)
        elif line[position] == "#" and (position == 0 or line[position - 1].isspace()):
            break
        position += length
    heads = [line[start:].split(maxsplit=1)[0] for start in starts if line[start:].strip()]
    blocks = {"if", "for", "while", "until", "case", "{", "!", "function", "select"}
    return None if blocks & set(heads) else starts[-1]


def words_of(argv: tuple[str, ...]) -> list[str]:
    """The words of the program that an argv becomes, through `sh -c`, `exec`, `env` and assignments; [] if unknown."""
    words = list(argv)
    if len(words) == 3 and words[0].rpartition("/")[2] in {"sh", "bash", "dash"} and words[1] in {"-c", "-lc"}:
        start = last_command(words[2])
        try:
            words = shlex.split(words[2][start:]) if start is not None else []
        except ValueError:
            return []
    words = _assignments(words)[1]
    while words and words[0] in {"exec", "env"}:
        words = _assignments(words[1:])[1]
    return words


def expand(word: str, variables: Mapping[str, str]) -> str:
    """$NAME, ${NAME} and ${NAME:-default} put in, where the variable is known or has a default."""

    def value(match: re.Match[str]) -> str:
        known = variables.get(match[1] or match[2])
        return known or (match[0] if match[3] is None else match[3])

    return VARIABLE.sub(value, word)


def _assignments(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """The A=1 in front of a command, and the command."""
    count = next((index for index, word in enumerate(words) if not ASSIGNMENT.match(word)), len(words))
    pairs = (word.partition("=") for word in words[:count])
    return {name: value for name, _, value in pairs}, words[count:]


def _token_length(line: str, position: int) -> int | None:
    """The length of what stands here: a quotation, an operator, an escape, a character; None where we give up."""
    character, pair = line[position], line[position : position + 2]
    if character == "\\":
        return 2
    if character in "'\"":
        return _quotation_length(line, position)
    if pair in {"&&", "||"}:
        return 2
    if character in "()`|\n" or pair == "<<":
        return None
    if character == "&":
        is_redirection = line[position - 1 : position] in {">", "<"} or pair == "&>"
        return 1 if is_redirection else None
    return 1


def _quotation_length(line: str, position: int) -> int | None:
    quote = line[position]
    index = position + 1
    while index < len(line) and line[index] != quote:
        if quote == '"' and line[index] in "`(":
            return None
        index += 2 if quote == '"' and line[index] == "\\" else 1
    return index - position + 1 if index < len(line) else None
