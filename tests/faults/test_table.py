"""docs/reasons/faults.md names a test for each fault: each of them is there, and each file here is in the table."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs/reasons/faults.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_each_named_test_is_there() -> None:
    named = NAMED.findall(TABLE.read_text())
    assert len(named) > 30
    assert [f"{path}::{name}" for path, name in named if not is_there(ROOT / path, name)] == []


def test_each_row_names_a_test() -> None:
    rows = [line for line in TABLE.read_text().splitlines() if line.startswith("| ") and not line.startswith("| Fault")]
    assert [row for row in rows if not NAMED.search(row.split("|")[3])] == []


def test_each_file_is_in_the_table() -> None:
    named = {path for path, _ in NAMED.findall(TABLE.read_text())}
    files = {str(path.relative_to(ROOT)) for path in Path(__file__).parent.glob("test_*.py")}
    assert files - named == {str(Path(__file__).relative_to(ROOT))}


def is_there(path: Path, name: str) -> bool:
    if not path.exists() or not name:
        return path.exists()
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in ast.parse(path.read_text()).body)
