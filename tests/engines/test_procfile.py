"""A Procfile is read back by our own reader, and run by honcho's rules of a shell: the program gets what was said."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from procession.engines.procfile import ENGINE, Options
from procession.sources.procfile import read_procfile
from procession.stack.model import Stack
from tests.console.project import Project
from tests.engines.stacks import stack_of

SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ.get('VALUE'), os.getcwd()]))"
VALUES = st.text(
    alphabet=st.one_of(
        st.sampled_from("%#;$'\"\\ \t,=()!*~"), st.characters(exclude_characters="\0\n\r", exclude_categories=["Cs"])
    ),
    max_size=20,
)


def text_of(stack: Stack) -> str:
    rendering = ENGINE.render(stack, Options())
    [file] = rendering.files
    return file.marked("me")


def lines_of(text: str) -> dict[str, str]:
    """As foreman and honcho split them."""
    found = (line.partition(": ") for line in text.split("\n") if line and not line.startswith("#"))
    return {name: command for name, _, command in found}


def showing(argv: list[str], value: str, directory: str) -> Stack:
    stack = stack_of({"one": {"COMMAND": ["true"]}}, directory="/")
    [process] = stack.processes
    command = (sys.executable, "-c", SHOW, *argv)
    return replace(
        stack, processes=(replace(process, argv=command, environment={"VALUE": value}, directory=directory),)
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(argv=st.lists(VALUES, max_size=2), value=VALUES, is_elsewhere=st.booleans())
def test_the_shell_gives_the_program_what_was_said(
    tmp_path: Path, argv: list[str], value: str, is_elsewhere: bool
) -> None:
    directory = str(tmp_path) if is_elsewhere else "/"
    command = lines_of(text_of(showing(argv, value, directory)))["one"]
    done = subprocess.run(["/bin/sh", "-c", command], cwd="/", capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [argv, value, directory]


def test_the_way_there_and_back(tmp_path: Path) -> None:
    site: dict[str, dict[str, Any]] = {
        "migrate": {"COMMAND": ["python", "manage.py", "migrate"], "TYPE": "task"},
        "worker": {"COMMAND": ["echo", "50% of it"], "ENV": {"MODE": "a b"}},
    }
    stack = stack_of(site, directory=str(tmp_path))
    (tmp_path / "Procfile").write_text(text_of(stack))
    declared = read_procfile(str(tmp_path / "Procfile"), {})
    assert declared.problems == ()
    assert set(declared.processes) == {"release", "worker"}
    read = {name: dict(process) for name, process in declared.processes.items() if isinstance(process, dict)}
    worker = stack.process("worker")
    assert worker is not None
    assert read["release"]["TYPE"] == "task"
    assert tuple(read["worker"]["COMMAND"]) == worker.argv
    assert read["worker"]["ENV"] == {"PORT": "5000", **worker.environment}


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"REPLICAS": 2}, ("W100", "one.replicas")),
        ({"USER": "nobody"}, ("W100", "one.user")),
        ({"ENV": {"API_TOKEN": "hunter2"}}, ("W101", "one.env.API_TOKEN")),
        ({"COMMAND": ["echo", "a\nb"]}, ("E101", "one.command")),
    ],
)
def test_what_it_cannot_say_is_told(said: Mapping[str, Any], where: tuple[str, str]) -> None:
    rendering = ENGINE.render(stack_of({"one": {"COMMAND": ["true"], **said}}), Options())
    assert [(problem.id, problem.where) for problem in rendering.problems] == [where]
    assert all("hunter2" not in file.text for file in rendering.files)


def test_render_writes_it_and_never_over_somebody_elses(project: Project) -> None:
    project.declare('[processes.web]\ncommand = ["sleep", "1000"]\n')
    project.ok("render", "--engine", "procfile", "--output", "out")
    written = project.directory / "out/Procfile"
    assert written.read_text().endswith("sleep 1000\n")
    written.write_text("web: mine\n")
    refused = project.run("render", "--engine", "procfile", "--output", "out", "--overwrite")
    assert refused.code == 4
    assert written.read_text() == "web: mine\n"
    refused = project.run("apply", "--engine", "procfile")
    assert refused.code == 2
    assert "is only written" in refused.err
