"""A site to be broken, and the servers that it needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.conftest import project
from tests.doctor.memory import MemoryGroup, memory_group
from tests.faults.disk import Disk, mounted
from tests.servers import postgres_server

__all__ = ["group", "postgres", "project", "small_disk"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system of 4 MiB, which is that of the `project`."""
    with mounted(tmp_path / "disk", mode=0o755) as disk:
        yield disk


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The directory of the socket of a server where `site`, with the password `right`, has a database `site`."""
    import psycopg

    with postgres_server() as (directory, user):
        with psycopg.connect(host=directory, user=user, dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE ROLE site LOGIN PASSWORD 'right'")
            connection.execute("CREATE DATABASE site OWNER site")
            rules = Path(directory) / "data" / "pg_hba.conf"
            rules.write_text(f"local all {user} trust\nlocal all all scram-sha-256\n")
            connection.execute("SELECT pg_reload_conf()")
        yield directory


@pytest.fixture
def group() -> Iterator[MemoryGroup]:
    """A control group that holds who is in it to little memory; skipped where none can be had."""
    if os.geteuid():
        pytest.skip("needs to be root")
    with memory_group(f"procession-doctor-{os.getpid()}") as group:
        yield group
