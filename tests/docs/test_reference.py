"""What the reference lists is what there is: ids of problems, kinds of events, variables, files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from procession.supervisor.core.turn import RECORDED
from tests.console.project import SLEEPER, Project, await_true
from tests.docs.page import ROOT

SOURCES = sorted((ROOT / "src").rglob("*.py"))
REFERENCE = ROOT / "docs/reference"
PROBLEM_ID = re.compile(r"[EW]\d{3}")
VARIABLE = re.compile(r"PROCESSION_[A-Z]+(?:_[A-Z]+)*")


def constants() -> Iterator[str]:
    """Every text constant of the code."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def rows(page: str) -> list[str]:
    """What stands between backticks in the first column of a page's tables."""
    lines = (REFERENCE / page).read_text().splitlines()
    firsts = [line.split("|")[1] for line in lines if line.startswith("| `")]
    return [word for first in firsts for word in re.findall(r"`([^`]+)`", first)]


def test_every_problem_of_the_code_is_explained_once_and_no_other() -> None:
    headings = re.findall(r"^## ([EW]\d{3}) ", (REFERENCE / "problems.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted({text for text in constants() if PROBLEM_ID.fullmatch(text)})


def test_every_kind_of_event_is_explained_once_and_no_other() -> None:
    fields = {"id", "at", "kind", "process", "instance", "pid", "detail", "who"}
    assert sorted(set(rows("events.md")) - fields) == sorted({*kinds(), *RECORDED.values()})


def kinds() -> Iterator[str]:
    """The kinds that calls of record(), Record() and add_own() name."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("record", "Record", "add_own"):
                yield from (
                    argument.value
                    for argument in node.args[:2]
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value
                )


def test_every_variable_of_ours_is_explained() -> None:
    used = {name for text in constants() for name in VARIABLE.findall(text)}
    assert {name for name in rows("environment.md") if name.startswith("PROCESSION_")} == used


def test_every_file_that_a_running_site_makes_is_explained(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    await_true((project.stack_directory / "history.sqlite").exists, "the history is begun")
    known = [*rows("files.md"), "history.sqlite-*"]
    made = [path for path in project.stack_directory.rglob("*") if not path.is_dir()]
    names = [str(path.relative_to(project.stack_directory)) for path in made]
    assert [name for name in names if not any(fnmatch(name, pattern) for pattern in known)] == []


def test_every_path_that_the_map_names_is_there() -> None:
    named = set(re.findall(r"`([\w./-]+/[\w./-]*|\w+\.(?:md|toml))`", (ROOT / "ARCHITECTURE.md").read_text()))
    assert len(named) > 20
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_folder_of_code_is_on_the_map() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    folders = {path.parent.relative_to(ROOT) for path in SOURCES}
    ours = {Path(*folder.parts[:3]) for folder in folders if len(folder.parts) > 2}
    assert [str(folder) for folder in sorted(ours) if f"`{folder}/" not in text] == []
