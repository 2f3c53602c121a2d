"""The tutorials, done as they are written, with the real commands."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.project import Project
from tests.docs.page import ROOT, blocks
from tests.docs.reader import Reader


@pytest.fixture
def home() -> Iterator[Path]:
    """A home with a clone in it. In a short path: a unix socket's may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="pn") as directory:
        home = Path(directory).resolve()
        copy_clone(home / "procession")
        yield home


def copy_clone(clone: Path) -> None:
    made = shutil.ignore_patterns(
        ".git", ".venv", ".demo", ".procession", ".cache", "*_cache", "__pycache__", "site", "data", "tests"
    )
    shutil.copytree(ROOT, clone, ignore=made, symlinks=True)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def variables(port: int, *, installs: bool) -> dict[str, str]:
    """Without an environment of his own, the reader has that of the tests."""
    path = "/usr/local/bin:/usr/bin:/bin" if installs else f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    return {"PORT": str(port), "PATH": path}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", ["your-site.md", "feed-reader.md"])
def test_what_the_tutorial_says_is_what_happens(page: str, home: Path, port: int) -> None:
    follow(page, Reader(home, port, variables(port, installs=False), installs=False))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_tutorial_from_nothing(home: Path, port: int) -> None:
    follow("your-site.md", Reader(home, port, variables(port, installs=True), installs=True))


def follow(page: str, reader: Reader) -> None:
    """Every block in order; whatever happens, nothing runs afterwards."""
    try:
        for block in blocks(ROOT / "docs/tutorial" / page):
            reader.follow(block)
    finally:
        left = end(reader)
    assert left == []


def end(reader: Reader) -> list[int]:
    """Take down what still runs; the pids of what should have been down by then."""
    project = Project.__new__(Project)
    project.directory = reader.directory
    project.stack_directory = reader.directory / ".procession"
    project._terminals = []
    left = project.members()
    project.end()
    return left
