"""The backends `manage` and `command`: any management command, any program."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from procession.backends.base import Backend, Command
from procession.backends.registry import find
from procession.stack.model import Declaration, Kind, ProbeType
from tests.backends.serving import SITE, SITE_DIRECTORY, errors

MANAGE = str(SITE_DIRECTORY / "manage.py")


def backend(name: str) -> Backend:
    found = find(name)
    assert found is not None
    return found


def build(name: str, declaration: Declaration) -> Command:
    return backend(name).build(declaration, SITE, 30.0)


@pytest.mark.parametrize(
    ("declaration", "words"),
    [
        (Declaration(command=("say", "hello")), "say hello"),
        (Declaration(command=("say", "hello"), args={"loud": True, "times": 2}), "say hello --loud --times=2"),
        (Declaration(args=("say", "hello", "--loud")), "say hello --loud"),
    ],
)
def test_a_management_command_runs(declaration: Declaration, words: str) -> None:
    command = build("manage", declaration)
    assert command.argv == (sys.executable, MANAGE, *words.split())
    done = subprocess.run(command.argv, capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.lower().startswith("hello\n")
    assert done.stdout.isupper() is ("--loud" in words)


def test_without_a_manage_py_django_is_run() -> None:
    site = replace(SITE, directory="/nowhere")
    command = backend("manage").build(Declaration(command=("check",)), site, 30.0)
    assert command.argv == (sys.executable, "-m", "django", "check")
    assert command.environment == {"DJANGO_SETTINGS_MODULE": "mysite.settings"}
    assert backend("manage").profile(command).kind is Kind.TASK


@pytest.mark.parametrize(("words", "kind"), [(("migrate",), Kind.TASK), (("qcluster",), Kind.PROCESS)])
def test_a_command_that_is_known_to_end_is_a_task(words: tuple[str, ...], kind: Kind) -> None:
    profile = backend("manage").profile(build("manage", Declaration(command=words)))
    assert profile.kind is kind
    assert (-15 in profile.success) is (kind is Kind.PROCESS)
    assert profile.readiness.type is ProbeType.NONE


@pytest.mark.parametrize("declaration", [Declaration(), Declaration(args={"noinput": True})])
def test_no_management_command_is_a_problem(declaration: Declaration) -> None:
    assert errors(build("manage", declaration)) == ["E048 command"]


def test_any_command_runs_with_its_args_behind_it() -> None:
    command = build("command", Declaration(command=("printf", "%s-%s"), args=("a", "b")))
    assert command.problems == ()
    assert subprocess.run(command.argv, capture_output=True, text=True, check=True).stdout == "a-b"
    assert build("command", Declaration(command=("x/y",), args={"port": 80})).argv == ("x/y", "--port=80")


def test_a_program_of_the_sites_environment_is_found_without_path(tmp_path: Path) -> None:
    program = tmp_path / "serve"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    site = replace(SITE, python=str(tmp_path / "python"))
    command = backend("command").build(Declaration(command=("serve", "80"), env={"PATH": os.defpath}), site, 30.0)
    assert command.argv == (str(program), "80")
    command = backend("command").build(Declaration(command=("serve",), env={"PATH": str(tmp_path)}), site, 30.0)
    assert command.argv == ("serve",)


def test_a_relative_path_starts_in_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/serve").write_text("#!/bin/sh\n")
    (tmp_path / "bin/serve").chmod(0o755)
    found = build("command", Declaration(command=("bin/serve",), directory=str(tmp_path)))
    assert (found.argv, found.problems) == (("bin/serve",), ())


def test_no_command_at_all_is_a_mistake() -> None:
    assert errors(build("command", Declaration())) == ["E048 command"]
