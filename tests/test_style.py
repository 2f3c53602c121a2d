"""STYLE, section 2: a function past 60 lines, or a file past 500, is a design that has not been found yet."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 500


def python_files() -> list[Path]:
    folders = ("src", "tests", "script", "examples", "benchmarks")
    found = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return [path for path in found if not {".venv", "node_modules"} & set(path.parts)]


def long_functions(source: str) -> Iterator[str]:
    """`name: lines` of each function past the limit; decorators are not counted, the docstring is."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.name}: {lines} lines"


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_and_its_functions_are_small(path: Path) -> None:
    source = path.read_text()
    assert source.count("\n") <= FILE_LINES_MAX
    assert not list(long_functions(source))


def test_a_long_function_is_seen() -> None:
    body = "    pass\n" * FUNCTION_LINES_MAX
    assert list(long_functions(f"def endless() -> None:\n{body}")) == [f"endless: {FUNCTION_LINES_MAX + 1} lines"]
