"""A Redis and a PostgreSQL server of our own, on unix sockets, and the site that runs tasks on them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.backends.workers.stage import Notices, Runner, Words
from tests.servers import postgres_server, redis_server

MakeRunner = Callable[[str], Runner]


@pytest.fixture
def redis() -> Iterator[str]:
    """The path of a Redis server's socket. A new one for each test, so that no test works off another's tasks."""
    with redis_server() as path:
        yield path


@pytest.fixture(scope="session")
def postgres() -> Iterator[tuple[str, str]]:
    """The directory of a PostgreSQL server's socket, and its user."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def make_runner(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MakeRunner]:
    """Sets up the site for one runner, on the server that it needs; ends what was started when the test is over."""
    made: list[Runner] = []

    def make(name: str) -> Runner:
        words = Words(tmp_path / "words")
        environment = {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "jobsite.settings",
            "PYTHONDONTWRITEBYTECODE": "1",
            "JOBS_RUNNER": name,
            "JOBS_DATABASE": str(tmp_path / "database"),
            "JOBS_WORDS": str(words.path),
            **_server(name, tmp_path, request),
        }
        notices = Notices(f"@procession-test-{uuid.uuid4()}")
        runner = Runner(environment=environment, directory=tmp_path, notices=notices, words=words)
        made.append(runner)
        runner.manage("migrate", "--verbosity=0")
        return runner

    yield make
    for runner in made:
        runner.clean()
        runner.words.close()
        runner.notices.close()


def _server(runner: str, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    if runner == "procrastinate":
        directory, user = request.getfixturevalue("postgres")
        return {"JOBS_DATABASE": directory, "JOBS_DATABASE_USER": user}
    if runner == "celery-files":
        (tmp_path / "files").mkdir()
        return {"JOBS_RUNNER": "celery", "JOBS_FILES": str(tmp_path / "files")}
    if runner in ("django-tasks-db", "django-q2"):
        return {}
    return {"JOBS_REDIS": request.getfixturevalue("redis")}
