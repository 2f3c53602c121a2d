"""The servers that keep a lease."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import postgres_server, redis_server


@pytest.fixture
def redis() -> Iterator[str]:
    """The URL of a Redis server of this test's own."""
    with redis_server() as path:
        yield f"unix://{path}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[tuple[str, str]]:
    """The directory of a PostgreSQL server's socket, and its user."""
    with postgres_server() as server:
        yield server
