"""How systemd's EnvironmentFile= reads an env file, to say where that is not what `dotenv` and we read.

After parse_env_file_internal() in systemd's src/basic/env-file.c (252); systemd.exec(5) describes it. The differences
that matter: it takes no comment off the end of a line, knows no \\n within quotes, drops a backslash before any
character outside of them, joins `"a"b`, and ignores a line that begins with `export` or `;`.
"""

from __future__ import annotations

from procession.errors import Problem
from procession.stack.dotenv import Assignment, EnvFile

BLANK = " \t"
NEWLINE = "\r\n"
ESCAPED_IN_QUOTES = '"\\`$'
FIX = "write what both read alike: no `export`, no comment behind a value, quotes around blanks and backslashes"


def differences(text: str, file: EnvFile, path: str) -> list[Problem]:
    """One W002 that names each variable which systemd would set to something else, or not at all; [] if there is none.

    It says no values: they may be secrets.
    """
    theirs = {one.name: one.value for one in read(text)}
    last = {one.name: one for one in file.assignments}
    other = [one for one in last.values() if theirs.get(one.name) != one.value]
    if not other:
        return []
    named = ", ".join(f"{one.name} (line {one.line})" for one in other)
    what = f"systemd's EnvironmentFile= would not read it as python-dotenv and we do: {named}"
    return [Problem("W002", path.rpartition("/")[2], what, f"{path}:{other[0].line}", FIX)]


def read(text: str) -> list[Assignment]:
    """The assignments that systemd sees. It skips what it does not understand."""
    found = []
    position = 0
    while position < len(text):
        start = position
        while position < len(text) and text[position] in BLANK + NEWLINE:
            position += 1
        if position == len(text):
            break
        line = text.count("\n", 0, position) + 1
        if text[position] in "#;":
            position = _comment_end(text, position)
            continue
        end = _end_of_line(text, position)
        name, equals, _ = text[position:end].partition("=")
        if not equals:
            position = end + 1
            continue
        value, position = _value(text, position + len(name) + 1)
        name = name.rstrip(BLANK)
        if name.isascii() and name.isidentifier():
            found.append(Assignment(name, value, line))
        assert position > start
    return found


def _value(text: str, position: int) -> tuple[str, int]:
    """A value, pieces of it in quotes or not, and where it ends."""
    value: list[str] = []
    kept = 0  # blanks that come after are only kept if something follows them
    fresh = True  # at the start of a piece: blanks are skipped, quotes open
    while position < len(text) and text[position] not in NEWLINE:
        character = text[position]
        if fresh and character in "'\"":
            piece, position = _quotation(text, position)
            value.append(piece)
            kept = len("".join(value))
        elif fresh and character in BLANK:
            position += 1
        elif character == "\\":
            escaped = text[position + 1 : position + 2]
            value.append("" if escaped in NEWLINE else escaped)
            fresh, kept = False, len("".join(value))
            position += 2
        else:
            value.append(character)
            fresh, position = False, position + 1
            kept = kept if character in BLANK else len("".join(value))
    return "".join(value)[:kept], position + 1


def _quotation(text: str, position: int) -> tuple[str, int]:
    quote, index = text[position], position + 1
    pieces = []
    while index < len(text) and text[index] != quote:
        following = text[index + 1 : index + 2]
        if quote == '"' and text[index] == "\\" and following and following in ESCAPED_IN_QUOTES + "\n":
            pieces.append("" if following == "\n" else following)
            index += 2
        else:
            pieces.append(text[index])
            index += 1
    return "".join(pieces), index + 1


def _comment_end(text: str, position: int) -> int:
    """A backslash at its end makes the comment go on over the next line."""
    while position < len(text) and text[position] not in NEWLINE:
        position += 2 if text[position] == "\\" else 1
    return position


def _end_of_line(text: str, position: int) -> int:
    while position < len(text) and text[position] not in NEWLINE:
        position += 1
    return position
