"""The supervisor's own fixtures, and a file system small enough to fill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.conftest import project
from tests.faults.disk import Disk, mounted
from tests.supervisor.conftest import site, stage

__all__ = ["disk", "project", "site", "stage"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system of 4 MiB, where the stack directory of `site` will be."""
    with mounted(tmp_path / "site", mode=0o700) as disk:
        yield disk
