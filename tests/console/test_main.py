"""The command line itself: verbs and options wherever they stand, help, mistakes, exit codes."""

from __future__ import annotations

import importlib
import json
import subprocess
from pathlib import Path

import pytest

from procession import __version__
from procession.console import main
from tests.console.project import COMMAND, SLEEPER, Project


def test_every_verb_has_a_file_a_summary_and_help(project: Project) -> None:
    overview = project.ok("help").out
    for name in main.verbs():
        verb = importlib.import_module(f"procession.console.{name}")
        assert f"  {name:<12}{verb.SUMMARY}\n" in overview
        assert verb.SUMMARY in project.ok("help", name).out


def test_no_verb_is_the_overview(project: Project) -> None:
    assert project.ok().out == project.ok("--help").out == project.ok("help").out


def test_a_verb_with_a_slip_of_the_finger_has_a_suggestion(project: Project) -> None:
    ended = project.run("stauts")
    assert ended.code == 2
    assert ended.err == "error: there is no verb 'stauts', did you mean \"status\"?\n"
    assert 'did you mean "restart"?' in project.run("help", "restrat").err


def test_version(project: Project) -> None:
    assert project.ok("--version").out == f"procession {__version__}\n"


@pytest.mark.parametrize("after", [False, True])
def test_the_directory_may_stand_before_or_after_the_verb(project: Project, tmp_path: Path, after: bool) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    where = ["-C", str(project.directory)]
    project.ok(*(["check", *where] if after else [*where, "check"]))


def test_the_project_is_found_from_a_folder_inside_it(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    inside = project.directory / "mysite" / "pages"
    inside.mkdir(parents=True)
    ended = project.run("status", environment={"PWD": str(inside)})
    assert str(project.stack_directory) in ended.err
    project.ok("up", "-d")
    outer, project.directory = project.directory, inside
    assert "web.1" in project.ok("status").out
    project.directory = outer


def test_a_project_that_is_not_there_is_wrong_usage(project: Project) -> None:
    ended = project.run("-C", "nowhere", "status")
    assert ended.code == 2
    assert "there is no directory nowhere" in ended.err


def test_the_stack_directory_by_option_and_by_environment(project: Project, tmp_path: Path) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    elsewhere = tmp_path / "elsewhere"
    assert str(elsewhere) in project.run("status", "--stack-directory", str(elsewhere)).err
    assert str(elsewhere) in project.run("status", environment={"PROCESSION_DIRECTORY": str(elsewhere)}).err


def test_check_lists_every_mistake_and_a_count(project: Project) -> None:
    project.declare('[processes.web]\nbackend = "gunicron"\n[processes.worker]\ncomand = "true"\n')
    ended = project.run("check")
    assert ended.code == 1
    assert "web.backend" in ended.out
    assert "worker.comand" in ended.out
    assert "did you mean" in ended.out
    assert "problem" in ended.out.splitlines()[-1]


def test_check_is_content_with_a_good_one(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}replicas = 2\n")
    assert project.ok("check").out == "site: 1 process, 2 instances; no mistakes found\n"


def test_where_nothing_is_declared_it_says_what_to_do(project: Project) -> None:
    ended = project.run("up")
    assert ended.code == 1
    assert "procession init" in ended.err


def test_render_is_the_stack_as_json(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    stack = json.loads(project.ok("render", "--json").out)
    assert [process["name"] for process in stack["processes"]] == ["web"]


def test_a_reader_that_goes_away_is_no_error(project: Project) -> None:
    project.declare(f'[processes.web]\n{SLEEPER}env = {{LONG = "{"x" * 200_000}"}}\n')  # more than a pipe holds
    line = f"{' '.join(COMMAND)} render --json | head -n 1"
    piped = subprocess.run(["bash", "-c", line], cwd=project.directory, capture_output=True, text=True, check=False)
    assert piped.stdout == "{\n"
    assert piped.stderr == ""
