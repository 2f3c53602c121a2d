"""Fixtures of the engines' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.project import Project
from tests.engines.contained import docker_config
from tests.servers import redis_server

__all__ = ["broker", "docker_config", "project"]


@pytest.fixture
def broker() -> Iterator[str]:
    """A Redis for Celery, by its URL."""
    with redis_server() as path:
        yield f"redis+socket://{path}"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path / "site")
    yield project
    project.end()
    assert project.members() == []
