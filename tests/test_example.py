"""examples/feedreader: its own tests, its requirements, and `script/demo` on a fresh copy of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FEEDREADER = ROOT / "examples/feedreader"


def test_its_own_tests_pass(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "manage.py", "test", "--no-input"],
        cwd=FEEDREADER, env={**os.environ, "DATA": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


def test_its_migrations_are_those_of_its_models(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
        cwd=FEEDREADER, env={**os.environ, "DATA": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_tests_environment_has_its_requirements() -> None:
    lines = (FEEDREADER / "requirements.txt").read_text().splitlines()
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert [line for line in lines if not line.startswith("#")] == groups["example"]


@pytest.fixture
def fresh_copy() -> Iterator[Path]:
    """The repository without anything that was made in it. In a short path: a unix socket's may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="pn") as directory:
        yield shutil.copytree(ROOT, Path(directory) / "p", ignore=made_here, symlinks=True)


def made_here(folder: str, names: list[str]) -> set[str]:
    """Those of `names` in `folder` that a clone does not have."""
    made = shutil.ignore_patterns(".git", ".venv", ".demo", ".procession", ".cache", "*_cache", "__pycache__")
    return {*made(folder, names), *{ROOT: ["site"], FEEDREADER: ["data"]}.get(Path(folder), [])}


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_demo_shows_a_fetched_feed_and_leaves_nothing_behind(fresh_copy: Path) -> None:
    demo = subprocess.run(
        ["script/demo", "--once"], cwd=fresh_copy, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "new of" in demo.stdout
    for name in ("web.1", "worker.1", "beat.1"):
        assert name in demo.stdout
    assert not processes_in(fresh_copy)


def processes_in(directory: Path) -> list[str]:
    """`pid argv` of each process that works in `directory` or was started from it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            argv = process.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            place = str(process.joinpath("cwd").readlink())
        except OSError:  # it has ended, or is not ours
            continue
        if place.startswith(str(directory)) or str(directory) in argv:
            found.append(f"{process.name} {argv}")
    return found
