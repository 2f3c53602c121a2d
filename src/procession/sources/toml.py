"""`procession.toml`, and `[tool.procession]` in pyproject.toml: `[processes.web]`, `[stack]`, `[development.web]`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from procession.errors import Problem
from procession.sources.discover import PYPROJECT
from procession.sources.files import read_text
from procession.stack.declared import Declared
from procession.stack.values import show, suggestion

TABLES = ("processes", "stack", "development")


def read_toml(path: str, *, development: bool = False) -> Declared:
    """The declaration in a TOML file; what is wrong with the file itself is in its `problems`."""
    text = read_text(path)
    if isinstance(text, Problem):
        return Declared(source="toml", file=path, problems=(text,))
    import tomllib  # here, because it takes 5 ms, and most sites are declared in their settings

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Declared(source="toml", file=path, problems=(_syntax(path, error),))
    root = ("tool", "procession") if os.path.basename(path) == PYPROJECT else ()
    return _declared(path, _under(document, root), root, text, development=development)


def has_table(path: str) -> bool:
    """Whether this pyproject.toml says anything to us. One that cannot be read does not."""
    text = read_text(path)
    if isinstance(text, Problem) or "procession" not in text:
        return False
    import tomllib

    try:
        return isinstance(_under(tomllib.loads(text), ("tool", "procession")), Mapping)
    except tomllib.TOMLDecodeError:
        return "[tool.procession" in text  # Then it is meant to, and reading it says what is wrong.


def _declared(path: str, table: object, root: tuple[str, ...], text: str, *, development: bool) -> Declared:
    from procession.sources.toml_lines import key_lines  # here, because it needs tomllib

    lines = {key[len(root) :]: line for key, line in key_lines(text).items() if key[: len(root)] == root}
    table = table if isinstance(table, Mapping) else {}
    key = "development" if development else "processes"
    return Declared(
        source="toml",
        file=path,
        processes=_table(table, key),
        stack=_table(table, "stack"),
        processes_key=key,
        stack_key="stack",
        lines=lines,
        problems=tuple(_problems(path, table, lines)),
    )


def _problems(path: str, table: Mapping[str, object], lines: Mapping[tuple[str, ...], int]) -> list[Problem]:
    problems = []
    for key, value in table.items():
        origin = f"{path}:{lines.get((key,), 1)}"
        if key not in TABLES:
            fix = suggestion(key, TABLES) or f"known: {', '.join(f'[{known}]' for known in TABLES)}"
            problems.append(Problem("E001", key, "is no table that Procession knows", origin, fix))
        elif not isinstance(value, Mapping):
            problems.append(Problem("E002", key, f"must be a table, got {show(value)}", origin, f"write: [{key}.NAME]"))
    return problems


def _table(table: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = table.get(key)
    return value if isinstance(value, Mapping) else {}


def _under(document: object, root: tuple[str, ...]) -> object:
    for key in root:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document


def _syntax(path: str, error: ValueError) -> Problem:
    line = re.search(r"at line (\d+)", str(error))
    origin = f"{path}:{line[1]}" if line else path
    return Problem("E032", os.path.basename(path), f"is not valid TOML: {error}", origin, "correct it there")
