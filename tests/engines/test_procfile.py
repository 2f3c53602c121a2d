"""A Procfile is read back by our own reader, and run by honcho's rules of a shell: the program gets what was said."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from honcho.environ import parse_procfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from procession.engines.procfile import ENGINE, Options
from procession.sources.procfile import read_procfile
from procession.stack.model import Stack
from tests.console.project import Project, await_true
from tests.engines.stacks import stack_of

SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ.get('VALUE'), os.getcwd()]))"
ODD = "50% of #1; 'a' \"b\"\n$HOME \\ \u00fc `x` %(here)s"
LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"  # of str.splitlines
VALUES = st.text(
    alphabet=st.one_of(
        st.sampled_from("%#;$'\"\\ \t,=()!*~"),
        st.characters(exclude_characters=["\0", *LINE_BREAKS], exclude_categories=["Cs"]),
    ),
    max_size=20,
)


def text_of(stack: Stack) -> str:
    rendering = ENGINE.render(stack, Options())
    [file] = rendering.files
    return file.marked("me")


def lines_of(text: str) -> dict[str, str]:
    """As honcho reads them."""
    return dict(parse_procfile(text).processes)


def showing(argv: list[str], value: str, directory: str) -> Stack:
    stack = stack_of({"one": {"COMMAND": ["true"]}}, directory="/")
    [process] = stack.processes
    command = (sys.executable, "-c", SHOW, *argv)
    return replace(
        stack, processes=(replace(process, argv=command, environment={"VALUE": value}, directory=directory),)
    )


def run_as_read(tmp_path: Path, command: str) -> str:
    """What the program prints, if our own reader reads that line."""
    (tmp_path / "Procfile").write_text(f"one: {command}\n")
    read = read_procfile(str(tmp_path / "Procfile"), {})
    assert read.problems == ()
    one = read.processes["one"]
    assert isinstance(one, dict)
    return subprocess.run(one["COMMAND"], env=one["ENV"], cwd="/", capture_output=True, text=True, check=True).stdout


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(argv=st.lists(VALUES, max_size=2), value=VALUES, is_elsewhere=st.booleans())
def test_a_shell_and_our_own_reader_give_the_program_what_was_said(
    tmp_path: Path, argv: list[str], value: str, is_elsewhere: bool
) -> None:
    directory = str(tmp_path) if is_elsewhere else "/"
    command = lines_of(text_of(showing(argv, value, directory)))["one"]
    done = subprocess.run(["/bin/sh", "-c", command], cwd="/", capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [argv, value, directory]
    assert json.loads(run_as_read(tmp_path, command)) == [argv, value, directory]


@pytest.mark.parametrize("name", ["a=b", "if", "it's", "a b", "{", "!", "~", "-x", "time"])
def test_a_program_of_any_name_is_that_program(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("#!/bin/sh\necho it\n")
    (tmp_path / name).chmod(0o755)
    [process] = showing([], "", "/").processes
    command = lines_of(text_of(replace(showing([], "", "/"), processes=(replace(process, argv=(name,)),))))["one"]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(["/bin/dash", "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "it\n"


def test_a_variable_that_no_shell_can_set_is_set_all_the_same() -> None:
    stack = showing([], "", "/")
    [process] = stack.processes
    code = "import os; print(os.environ['A-B.C'])"
    changed = replace(process, argv=(sys.executable, "-c", code), environment={"A-B.C": "it's"})
    command = lines_of(text_of(replace(stack, processes=(changed,))))["one"]
    assert subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True).stdout == "it's\n"


@pytest.mark.parametrize("character", LINE_BREAKS)
def test_what_any_reader_may_take_for_a_line_break_is_refused(character: str) -> None:
    rendering = ENGINE.render(showing([f"a{character}b"], "", "/"), Options())
    assert [problem.id for problem in rendering.problems] == ["E101"]


def test_honcho_runs_it(tmp_path: Path) -> None:
    """Each says what it was given, and waits; honcho ends them all."""
    said = {name: tmp_path / f"{name}.json" for name in ("web", "worker")}
    code = f"{SHOW.replace('print(', 'open(sys.argv[1], chr(119)).write(')}; import signal; signal.pause()"
    odd = ODD.replace("\n", " ")
    processes = {name: {"COMMAND": [sys.executable, "-c", code, str(path), odd]} for name, path in said.items()}
    stack = stack_of(processes, {"ENV": {"VALUE": odd}}, directory=str(tmp_path))
    (tmp_path / "Procfile").write_text(text_of(stack))
    honcho = [sys.executable, "-m", "honcho", "start"]
    with subprocess.Popen(honcho, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        await_true(lambda: all(map(is_whole, said.values())), "both have said what they were given")
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=60)
    for path in said.values():
        assert json.loads(path.read_text()) == [[str(path), odd], odd, str(tmp_path)], out


def is_whole(path: Path) -> bool:
    return path.exists() and path.read_text().endswith("]")


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
