"""The file that a heart touches, and what becomes of a program whose loop cannot be found."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from procession.backends.registry import find, names
from procession.backends.worker import READY
from procession.django.heart import Heart
from procession.django.heartbeat import LOOPS
from procession.stack.model import Declaration, ProbeType, Site
from tests.django.test_ready import PROGRAM, environment, start, supervisor

__all__ = ["supervisor"]  # a fixture

HOUR = 3600.0


def never(what: str) -> None:
    raise AssertionError(what)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """As the supervisor makes it: nobody has touched it."""
    path = tmp_path / "heartbeat"
    path.touch()
    os.utime(path, (0, 0))
    return path


def test_it_beats_at_once_and_then_not_for_a_while(file: Path) -> None:
    heart = Heart(str(file), HOUR, never)
    heart.beat()
    assert file.stat().st_mtime_ns
    os.utime(file, (1, 1))
    heart.beat()
    assert file.stat().st_mtime == 1


def test_a_rest_is_a_time_of_0_and_ends_with_the_next_beat(file: Path) -> None:
    heart = Heart(str(file), HOUR, never)
    heart.beat()
    heart.rest()
    assert file.stat().st_mtime_ns == 0
    heart.beat()
    assert file.stat().st_mtime_ns


def test_a_stopped_heart_is_not_wakened_by_a_rest(file: Path) -> None:
    heart = Heart(str(file), 0.0, never)
    heart.beat()
    heart.stop()
    heart.rest()
    heart.beat()
    assert file.stat().st_mtime_ns == 0


def test_who_made_no_file_gets_one(tmp_path: Path) -> None:
    Heart(str(tmp_path / "heartbeat"), HOUR, never).beat()
    assert (tmp_path / "heartbeat").stat().st_mode & 0o777 == 0o600


def test_what_is_forked_off_a_beating_process_says_nothing(file: Path) -> None:
    heart = Heart(str(file), 0.0, never)
    heart.beat()
    os.utime(file, (1, 1))
    pid = os.fork()
    if pid == 0:
        heart.beat()
        heart.rest()
        os._exit(0)
    os.waitpid(pid, 0)
    assert file.stat().st_mtime == 1
    heart.beat()
    assert file.stat().st_mtime != 1


def test_a_file_that_cannot_be_touched_is_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    heart = Heart(str(tmp_path / "nowhere" / "heartbeat"), 0.0, said.append)
    heart.beat()
    heart.beat()
    assert len(said) == 1
    assert said[0].startswith("cannot tell that it is alive: FileNotFoundError")


def test_under_systemd_it_winds_up_the_watchdog_and_a_rest_stops_that(
    supervisor: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROCESSION_NOTIFY", supervisor.getsockname())
    heart = Heart("watchdog:1.5", HOUR, never)
    heart.beat()
    assert supervisor.recv(100) == b"WATCHDOG_USEC=1500000"
    heart.rest()
    assert supervisor.recv(100) == b"WATCHDOG_USEC=0"


def test_a_systemd_that_does_not_listen_is_said_once_and_told_again(
    supervisor: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setenv("PROCESSION_NOTIFY", supervisor.getsockname() + ".not-there")
    heart = Heart("watchdog:1.5", 0.0, said.append)
    heart.beat()
    heart.beat()
    monkeypatch.setenv("PROCESSION_NOTIFY", supervisor.getsockname())
    heart.beat()
    assert supervisor.recv(100) == b"WATCHDOG_USEC=1500000"
    assert len(said) == 1


def test_a_program_that_has_changed_is_one_line_and_works_on(
    supervisor: socket.socket, tmp_path: Path, file: Path
) -> None:
    """As a release of huey would be that renames its loop."""
    (tmp_path / "huey").mkdir()
    (tmp_path / "huey" / "__init__.py").touch()
    (tmp_path / "huey" / "consumer.py").write_text("class Consumer:\n    def start(self): pass\n")
    env = environment(supervisor, PROCESSION_READY="huey", PROCESSION_HEARTBEAT=str(file), PYTHONPATH=str(tmp_path))
    with start(env, "urls") as worker:
        _, errors = worker.communicate("\n\n")
    assert worker.returncode == 0
    assert errors.startswith("procession: web.1: cannot see whether it is alive (AttributeError")
    assert errors.endswith(", so nobody judges it\n")
    assert errors.count("\n") == 1


RUNNERS = [
    name
    for name in names()
    if name.startswith(("celery-", "django-", "rq")) or name in ("huey", "dramatiq", "procrastinate")
]


@pytest.mark.parametrize("name", sorted(set(RUNNERS) - {"celery-flower"}))
@pytest.mark.parametrize("has_app", [True, False])
def test_a_task_runner_is_watched_where_the_app_is_in_it(name: str, has_app: bool) -> None:
    backend = find(name)
    assert backend
    site = Site(directory="/srv", python="python", has_app=has_app)
    command = backend.build(Declaration(), site, 30.0)
    liveness = backend.profile(command).liveness
    assert (liveness is not None) == has_app
    if liveness:
        assert liveness.type is ProbeType.HEARTBEAT
        assert command.environment[READY] in LOOPS


WORKER = """
import sys, types

loop = types.ModuleType("django_tasks_db.management.commands.db_worker")
sys.modules |= {name: types.ModuleType(name) for name in ("django_tasks_db", "django_tasks_db.management")}
sys.modules |= {"django_tasks_db.management.commands": types.ModuleType("commands"), loop.__name__: loop}

class Worker:
    def configure_signals(self): pass
    def run(self): print("it works on", flush=True)

loop.Worker = Worker
"""


def test_what_is_missing_when_the_worker_runs_does_not_stop_it(supervisor: socket.socket, file: Path) -> None:
    """As a release of django-tasks-db would be that renames the worker's `interval`."""
    env = environment(supervisor, PROCESSION_READY="django-tasks-db", PROCESSION_HEARTBEAT=str(file))
    with start(env, "urls", program=WORKER + PROGRAM + "Worker().run()") as worker:
        said, errors = worker.communicate("\n\n")
    assert (worker.returncode, said.splitlines()[-1]) == (0, "it works on")
    assert errors.startswith("procession: web.1: cannot see whether it is alive (AttributeError")
    assert file.stat().st_mtime_ns == 0
