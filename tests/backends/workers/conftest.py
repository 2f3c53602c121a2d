"""A Redis and a PostgreSQL server of our own, on unix sockets, and the site that runs tasks on them."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.backends.workers.stage import Notices, Runner, Words

MakeRunner = Callable[[str], Runner]


@pytest.fixture
def redis() -> Iterator[str]:
    """The path of a Redis server's socket. A new one for each test, so that no test works off another's tasks."""
    program = shutil.which("redis-server") or pytest.skip("redis-server is not installed")
    with tempfile.TemporaryDirectory(prefix="redis-") as directory:
        path = f"{directory}/redis.sock"
        argv = [program, "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", directory]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout
            assert any("ready to accept connections" in line for line in server.stdout), "redis-server ended at once"
            yield path
            server.terminate()
            server.stdout.read()


@pytest.fixture(scope="session")
def postgres() -> Iterator[tuple[str, str]]:
    """The directory of a PostgreSQL server's socket, and its user. The server refuses to run as root."""
    initdb, pg_ctl = _postgres_program("initdb"), _postgres_program("pg_ctl")
    user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    account = pwd.getpwnam(user)
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as directory:
        os.chown(directory, account.pw_uid, account.pw_gid)
        others = () if os.geteuid() == 0 else None
        options = f"-k {directory} -c listen_addresses= -c fsync=off"

        def run(*argv: str) -> None:
            subprocess.run(
                argv,
                check=True,
                cwd=directory,
                stdout=subprocess.DEVNULL,
                user=account.pw_uid,
                group=account.pw_gid,
                extra_groups=others,
            )

        run(initdb, "-D", f"{directory}/data", "-A", "trust", "-U", user, "-E", "UTF8", "-N", "--no-instructions")
        run(pg_ctl, "-D", f"{directory}/data", "-l", f"{directory}/log", "-o", options, "-w", "start")
        yield directory, user
        run(pg_ctl, "-D", f"{directory}/data", "-m", "immediate", "-w", "stop")


def _postgres_program(name: str) -> str:
    """Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name) or pytest.skip(f"PostgreSQL's {name} is not installed")


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
