"""Fixtures of the engines' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.project import Project
from tests.engines.contained import docker_config

__all__ = ["docker_config", "project"]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path / "site")
    yield project
    project.end()
    assert project.members() == []
