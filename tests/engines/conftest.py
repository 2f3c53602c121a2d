from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path / "site")
    yield project
    project.end()
    assert project.members() == []
