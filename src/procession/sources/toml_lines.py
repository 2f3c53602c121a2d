"""The line of each key of a TOML document, which tomllib does not tell.

Only for documents that tomllib has accepted: it is a scanner, not a parser, and answers for keys at the start of a
line; one inside of an inline table has the line of the key around it. It never fails: a wrong guess costs a line number
in a message.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

Path = tuple[str, ...]
PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
KEY = rf"{PART}(?:[ \t]*\.[ \t]*{PART})*"
HEADER = re.compile(rf"[ \t]*\[\[?[ \t]*({KEY})[ \t]*\]")
ASSIGNMENT = re.compile(rf"[ \t]*({KEY})[ \t]*=")
# Inside of a value: what may span lines, or hide a bracket.
TOKEN = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\#[^\n]*|[\[\]{}\n]''', re.DOTALL
)


def key_lines(text: str) -> dict[Path, int]:
    """Path of keys -> line, from 1; of a key said twice (a table opened again by a sub-table), the first line."""
    found: dict[Path, int] = {}
    table: Path = ()
    for line, content in _logical_lines(text):
        if header := HEADER.match(content):
            table = _parts(header[1])
            _note(found, table, line)
        elif assignment := ASSIGNMENT.match(content):
            _note(found, table + _parts(assignment[1]), line)
    return found


def _note(found: dict[Path, int], path: Path, line: int) -> None:
    for length in range(1, len(path) + 1):
        found.setdefault(path[:length], line)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(line, content) of each header or assignment; the lines that a value goes on over are part of the first."""
    start = depth = 0
    line = first = 1
    for token in TOKEN.finditer(text):
        depth += (token[0] in "[{") - (token[0] in "]}") if len(token[0]) == 1 else 0
        line += token[0].count("\n")
        if token[0] == "\n" and depth <= 0:
            yield first, text[start : token.start()]
            start, first, depth = token.end(), line, 0
    yield first, text[start:]


def _parts(key: str) -> Path:
    """The parts of a dotted key, unquoted by tomllib itself."""
    try:
        value: object = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        return (key,)
    parts = []
    while isinstance(value, dict):
        name, value = next(iter(value.items()))
        parts.append(name)
    return tuple(parts)
