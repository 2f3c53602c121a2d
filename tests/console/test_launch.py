"""Stack directories that cannot be: each is one clear refusal, exit code 4, and nothing runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console.project import COMMAND, SLEEPER, Project

NOBODY = 65534


@pytest.fixture
def declared(project: Project) -> Project:
    project.declare(f"[processes.web]\n{SLEEPER}")
    return project


def test_a_file_is_in_its_place(declared: Project) -> None:
    declared.stack_directory.write_text("a file")
    ended = declared.run("up", "-d")
    assert ended.code == 4, ended
    assert f"{declared.stack_directory} is not a directory" in ended.err
    assert "--stack-directory" in ended.err


def test_a_path_too_long_for_a_socket(declared: Project, tmp_path: Path) -> None:
    ended = declared.run("up", "-d", "--stack-directory", str(tmp_path / ("long" * 25)))
    assert ended.code == 4, ended
    assert "too long" in ended.err
    assert "--stack-directory" in ended.err


@pytest.mark.root
def test_it_is_not_ours(declared: Project) -> None:
    declared.stack_directory.mkdir()
    os.chown(declared.stack_directory, NOBODY, NOBODY)
    ended = declared.run("up", "-d")
    assert ended.code == 4, ended
    assert "belongs to nobody, and you are root" in ended.err


@pytest.mark.root
def test_a_read_only_disk(declared: Project, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o ro none {disk} && exec {' '.join(COMMAND)} up -d --stack-directory {disk}/site"
    child = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount],
        cwd=declared.directory,
        env=declared.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 4, child.stderr
    assert f"cannot write to the stack directory {disk}/site: Read-only file system" in child.stderr


@pytest.mark.root
def test_a_directory_that_others_may_not_enter(declared: Project) -> None:
    """Another user's `status` is refused, and does not say that nothing runs."""
    declared.ok("up", "-d")
    where = str(declared.stack_directory)
    script = (  # once as ourselves, so that all is imported: the other user may not be able to read this Python
        "import os, sys; from procession.console.main import main; "
        f"ask = ['status', '--stack-directory', {where!r}]; main(ask); os.setuid({NOBODY}); sys.exit(main(ask))"
    )
    child = subprocess.run([sys.executable, "-c", script], cwd="/", capture_output=True, text=True, check=False)
    assert child.returncode == 4, child.stderr
    assert "may not talk to the supervisor" in child.stderr
