"""Each task runner for real: its main loop touches a file, idle and while a task runs; who hangs does not."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from procession.stack.model import Declaration, Probe, ProbeType
from procession.supervisor.linux.heartbeats import Pulse
from tests.backends.workers.conftest import MakeRunner
from tests.backends.workers.stage import WITHIN_SECONDS, Instance, Runner, explained, skip_without
from tests.supervisor.programs import until

LONGEST = Probe(type=ProbeType.HEARTBEAT, max_age_seconds=0.5)


@dataclass(frozen=True)
class Case:
    """A backend, the runner whose tasks it works off, the module that must be there, and what the declaration says.

    `turns` is how often its loop is to turn while a task runs; 0: the task holds it up, and its heart rests.
    """

    backend: str
    runner: str
    module: str
    args: Mapping[str, object] = field(default_factory=dict)
    turns: int = 2


CASES = {
    "celery": Case("celery-worker", "celery", "celery", {"concurrency": 1}),
    "celery-threads": Case("celery-worker", "celery", "celery", {"pool": "threads", "concurrency": 1}),
    "celery-solo": Case("celery-worker", "celery", "celery", {"pool": "solo"}, turns=0),
    "celery-without-an-asynchronous-broker": Case("celery-worker", "celery-files", "celery", {"concurrency": 1}),
    "django-tasks-db": Case("django-tasks-db", "django-tasks-db", "django_tasks_db", {"interval": 0.1}, turns=0),
    "django-q2": Case("django-q2", "django-q2", "django_q"),
    "huey": Case("huey", "huey", "huey"),
    "huey-process": Case("huey", "huey", "huey", {"worker-type": "process"}),
    "dramatiq": Case("dramatiq", "dramatiq", "django_dramatiq", {"processes": 2, "threads": 1}),
    "rq": Case("rq", "rq", "django_rq", turns=1),  # it looks after its job every 30 s
    "rq-pool": Case("rq-pool", "rq", "django_rq", {"num-workers": 1}),
    "procrastinate": Case("procrastinate", "procrastinate", "procrastinate"),
}


class File:
    """What the heart touches, made as the supervisor makes it."""

    def __init__(self, runner: Runner) -> None:
        self.path = runner.directory / "heartbeat"
        self.path.touch()
        os.utime(self.path, (0, 0))
        runner.environment |= {"PROCESSION_HEARTBEAT": str(self.path), "PROCESSION_HEARTBEAT_SECONDS": "0.1"}

    def is_touched(self) -> bool:
        return self.path.stat().st_mtime_ns != 0

    def await_beats(self, times: int) -> None:
        for _ in range(times):
            before = self.path.stat().st_mtime_ns
            self._await_another(before)

    def _await_another(self, before: int) -> None:
        until(lambda: self.path.stat().st_mtime_ns != before, "it is no longer touched", 2 * WITHIN_SECONDS)


@pytest.fixture
def start(make_runner: MakeRunner) -> Callable[[str], tuple[Instance, Runner, File]]:
    def begin(name: str) -> tuple[Instance, Runner, File]:
        case = CASES[name]
        skip_without(case.module)
        runner = make_runner(case.runner)
        runner.environment["JOBS_SECONDS"] = "3600"
        file = File(runner)
        return runner.start(case.backend, Declaration(args=case.args)), runner, file

    return begin


Start = Callable[[str], tuple[Instance, Runner, File]]


SLOW = frozenset({"celery-threads", "huey-process", "rq"})


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in CASES])
def test_its_loop_turns_while_it_is_idle_and_while_a_task_runs(name: str, start: Start) -> None:
    worker, runner, file = start(name)
    with explained(worker):
        worker.told()
        until(file.is_touched)
        file.await_beats(3)
        runner.manage("enqueue", str(runner.words.path))
        assert runner.words.next() == "began"
        if CASES[name].turns:
            file.await_beats(CASES[name].turns)
        else:
            assert not file.is_touched()
        assert "procession:" not in worker.log()


@pytest.mark.parametrize("name", ["celery-solo", "django-tasks-db"])
def test_a_heart_that_rested_during_a_task_beats_again(name: str, start: Start, make_runner: MakeRunner) -> None:
    case = CASES[name]
    skip_without(case.module)
    runner = make_runner(case.runner)
    file = File(runner)
    worker = runner.start(case.backend, Declaration(args=case.args))
    with explained(worker):
        worker.told()
        runner.manage("enqueue", str(runner.words.path))
        assert runner.words.next() == "began"
        assert not file.is_touched()
        assert runner.words.next() == "ended"
        until(file.is_touched)
        file.await_beats(2)


def test_a_stopped_main_process_is_found_out_while_its_pool_works_on(start: Start) -> None:
    worker, runner, file = start("celery")
    pulse = Pulse(str(file.path), LONGEST)
    with explained(worker):
        worker.told()
        file.await_beats(1)
        runner.manage("enqueue", str(runner.words.path))
        assert runner.words.next() == "began"
        os.kill(worker.pid, signal.SIGSTOP)
        until(lambda: not pulse.look()[0])
        os.kill(worker.pid, signal.SIGCONT)
        until(lambda: pulse.look()[0])


def test_a_broker_that_is_away_is_no_hang(start: Start) -> None:
    worker, runner, file = start("celery")
    with explained(worker):
        worker.told()
        subprocess.run(["redis-cli", "-s", runner.environment["JOBS_REDIS"], "shutdown", "nosave"], check=True)
        until(lambda: "Connection refused" in worker.log() or "No such file" in worker.log())
        file.await_beats(3)


def test_beat_looks_at_its_schedule_in_between(make_runner: MakeRunner, tmp_path: Path) -> None:
    skip_without("celery")
    runner = make_runner("celery-files")
    runner.environment["JOBS_SCHEDULE_SECONDS"] = "3600"
    file = File(runner)
    beat = runner.start("celery-beat", Declaration(args={"schedule": tmp_path / "schedule"}))
    with explained(beat):
        beat.told()
        until(file.is_touched)
        file.await_beats(3)


def test_rq_cron_looks_at_its_jobs_in_between(make_runner: MakeRunner) -> None:
    skip_without("django_rq")
    runner = make_runner("rq")
    runner.environment["JOBS_SCHEDULE_SECONDS"] = "3600"
    file = File(runner)
    cron = runner.start("rq-cron", Declaration(app="jobs.cron"))
    with explained(cron):
        cron.told()
        until(file.is_touched)
        file.await_beats(3)


def test_a_pool_of_greenlets_is_not_judged(make_runner: MakeRunner) -> None:
    skip_without("gevent")
    runner = make_runner("celery")
    runner.environment["JOBS_SECONDS"] = "0"
    file = File(runner)
    worker = runner.start("celery-worker", Declaration(args={"pool": "gevent", "concurrency": 1}))
    with explained(worker):
        worker.told()
        for _ in range(2):
            runner.manage("enqueue", str(runner.words.path))
            assert runner.words.next() == "began"
            assert runner.words.next() == "ended"
        assert not file.is_touched()


def test_a_loop_that_sleeps_for_long_is_not_judged(make_runner: MakeRunner) -> None:
    skip_without("django_tasks_db")
    runner = make_runner("django-tasks-db")
    runner.environment["JOBS_SECONDS"] = "0"
    runner.manage("enqueue", str(runner.words.path))
    file = File(runner)
    worker = runner.start("django-tasks-db", Declaration(args={"interval": 3600}))
    with explained(worker):
        worker.told()
        assert runner.words.next() == "began"
        assert runner.words.next() == "ended"
        worker.stop()
        worker.exit()  # and after a task it would have beaten
        assert not file.is_touched()
