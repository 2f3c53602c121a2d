"""The supervisor's own fixtures, and a file system small enough to fill."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.conftest import project
from tests.faults.disk import Disk
from tests.supervisor.conftest import site, stage

__all__ = ["disk", "project", "site", "stage"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system of 4 MiB, where the stack directory of `site` will be."""
    folder = tmp_path / "site"
    folder.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(folder)], check=True)
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
