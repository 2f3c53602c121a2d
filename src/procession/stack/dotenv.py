"""Env files: text -> assignments. The supervisor reads them at each start, so nothing heavy is imported here.

    NAME=some words            to the end of the line; blanks around are taken off, those inside are kept
    NAME=abc#def # comment     a # after a blank begins a comment, one inside of a word does not
    NAME="two\\nlines"          double quotes: \\\\ \\" \\' and \\a \\b \\f \\n \\r \\t \\v are escapes; may span lines
    NAME='some $words'         single quotes: \\\\ and \\' are escapes; may span lines
    export NAME=value          as in a shell
    # comment

It is how python-dotenv reads them (without its interpolation), because that is what a site's own settings would have
read. `$X` and `${X}` stay as they are: a value must not depend on who is reading. systemd's EnvironmentFile= agrees in
most; `systemd_env` finds where it does not. One deviation from python-dotenv 1.2: `"a\\\\"` ends at its second quote,
where it would read on to a quote of a later line. What python-dotenv skips or sets to None is an error here: a line
without `=`, a name that is none, text after a closing quote.
"""

from __future__ import annotations

from dataclasses import dataclass

from procession.errors import Problem

ESCAPES = {"\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
SINGLE_ESCAPES = {"\\": "\\", "'": "'"}
NEWLINES = "\r\n"


@dataclass(frozen=True, slots=True)
class Assignment:
    name: str
    value: str
    line: int  # where it begins, from 1


@dataclass(frozen=True, slots=True)
class EnvFile:
    """In the order of the file; of a name assigned twice, the later holds."""

    assignments: tuple[Assignment, ...]
    problems: tuple[Problem, ...]

    def values(self) -> dict[str, str]:
        return {one.name: one.value for one in self.assignments}


def parse(text: str, path: str) -> EnvFile:
    """Every assignment that is right, and a Problem (E038) for each line that is not. `path` is for the messages.

    The caller has decoded the file: UTF-8, a byte order mark taken off.
    """
    assignments: list[Assignment] = []
    problems: list[Problem] = []
    position = 0
    while (position := _skip_blank(text, position)) < len(text):
        line = _line(text, position)
        try:
            position = _statement(text, position, line, assignments)
        except _Wrong as wrong:
            problems.append(_problem(path, line, wrong))
            position = _line_end(text, position)
    return EnvFile(tuple(assignments), tuple(problems))


class _Wrong(Exception):
    def __init__(self, what: str, fix: str) -> None:
        self.what = what
        self.fix = fix


def _problem(path: str, line: int, wrong: _Wrong) -> Problem:
    name = path.rpartition("/")[2]
    return Problem("E038", name, f"line {line}: {wrong.what}", f"{path}:{line}", wrong.fix)


def _statement(text: str, position: int, line: int, assignments: list[Assignment]) -> int:
    """Read one assignment or comment from `position` on, where its line's first character is; gives where it ends."""
    end = _line_end(text, position)
    if text[position] == "#":
        return end
    head, equals, _ = text[position:end].partition("=")
    if not equals:
        raise _Wrong("has no =", "write: NAME=value")  # Quoting the line could show a part of a secret.
    name = _name(head)
    value, end = _value(text, position + len(head) + 1)
    if "\0" in value:
        raise _Wrong(f"{name} has a NUL character in it", "take it out")
    assignments.append(Assignment(name, value, line))
    return end


def _name(head: str) -> str:
    is_export = head.startswith("export") and head[len("export") :][:1].isspace()
    name = head.removeprefix("export").strip() if is_export else head.strip()
    if not (name.isascii() and name.isidentifier()):
        raise _Wrong("does not begin with the name of a variable and =", "use letters, digits and _, a digit not first")
    return name


def _value(text: str, position: int) -> tuple[str, int]:
    """The value that begins after `=`, and where its line ends."""
    end = _line_end(text, position)
    while position < end and text[position].isspace():
        position += 1
    if position < end and text[position] in "'\"":
        return _quoted(text, position)
    return _without_comment(text[position:end], follows_blank=text[position - 1].isspace()), end


def _without_comment(raw: str, *, follows_blank: bool) -> str:
    """`raw` up to the first # that a blank stands before. (`A= # x` is empty, `A=# x` is not.)"""
    before = follows_blank
    for index, character in enumerate(raw):
        if character == "#" and before:
            return raw[:index].rstrip()
        before = character.isspace()
    return raw.rstrip()


def _quoted(text: str, position: int) -> tuple[str, int]:
    quote = text[position]
    escapes = ESCAPES if quote == '"' else SINGLE_ESCAPES
    pieces = []
    index = position + 1
    while index < len(text) and text[index] != quote:
        if text[index] == "\\" and text[index + 1 : index + 2] in escapes:
            pieces.append(escapes[text[index + 1]])
            index += 2
        else:
            pieces.append(text[index])
            index += 1
    if index == len(text):
        raise _Wrong(f"no closing {quote}", f"close the quotation with {quote}")
    end = _line_end(text, index)
    rest = text[index + 1 : end].strip()
    if rest and not rest.startswith("#"):
        raise _Wrong(f"text after the closing {quote}", f"put it inside of the quotes, or write \\{quote} for {quote}")
    return "".join(pieces), end


def _skip_blank(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _line_end(text: str, position: int) -> int:
    ends = [found for newline in NEWLINES if (found := text.find(newline, position)) >= 0]
    return min(ends, default=len(text))


def _line(text: str, position: int) -> int:
    r"""The line of a position; \r\n is one newline."""
    return text.count("\n", 0, position) + text.count("\r", 0, position) - text.count("\r\n", 0, position) + 1
