"""Each task runner for real: it says when it is ready, and a stop lets the task that runs come to its end."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from procession.stack.model import Declaration
from tests.backends.workers.conftest import MakeRunner
from tests.backends.workers.stage import explained, skip_without


@dataclass(frozen=True)
class Case:
    """A backend, the runner whose tasks it works off, the module that must be there, and what the declaration says."""

    backend: str
    runner: str
    module: str
    declaration: Declaration = field(default_factory=Declaration)


CASES = {
    "celery": Case("celery-worker", "celery", "celery", Declaration(app="jobsite.celery.app", args={"concurrency": 1})),
    "celery-threads": Case(
        "celery-worker", "celery", "celery", Declaration(args={"pool": "threads", "concurrency": 1})
    ),
    "django-tasks-db": Case(
        "django-tasks-db", "django-tasks-db", "django_tasks_db", Declaration(args={"interval": 0.1})
    ),
    "django-q2": Case("django-q2", "django-q2", "django_q"),
    "huey": Case("huey", "huey", "huey"),
    "huey-process": Case("huey", "huey", "huey", Declaration(args={"worker-type": "process"})),
    "dramatiq": Case("dramatiq", "dramatiq", "django_dramatiq", Declaration(args={"processes": 2, "threads": 1})),
    "rq": Case("rq", "rq", "django_rq", Declaration(args={"queues": ["high", "default"]})),
    "rq-pool": Case("rq-pool", "rq", "django_rq", Declaration(args={"num-workers": 1})),
    "procrastinate": Case("procrastinate", "procrastinate", "procrastinate"),
}
LADDERS = sorted(CASES.keys() - {"celery-threads", "django-q2"})  # django-q2's has one step


@pytest.mark.parametrize("name", CASES)
def test_a_stop_lets_the_running_task_end(name: str, make_runner: MakeRunner) -> None:
    case = CASES[name]
    skip_without(case.module)
    runner = make_runner(case.runner)
    worker = runner.start(case.backend, case.declaration)
    with explained(worker):
        assert worker.told() == f"READY=1\nINSTANCE={case.backend}.1"
        runner.manage("enqueue", str(runner.words.path))
        assert runner.words.next() == "began"
        worker.stop()
        assert runner.words.next() == "ended"
        assert worker.exit() == 0
        assert worker.exit() in worker.profile.success
        assert worker.left_behind() == []


@pytest.mark.parametrize("name", LADDERS)
def test_the_second_step_of_the_ladder_leaves_the_task(name: str, make_runner: MakeRunner) -> None:
    case = CASES[name]
    skip_without(case.module)
    runner = make_runner(case.runner)
    runner.environment["JOBS_SECONDS"] = "3600"
    worker = runner.start(case.backend, case.declaration)
    with explained(worker):
        worker.told()
        runner.manage("enqueue", str(runner.words.path))
        assert runner.words.next() == "began"
        worker.stop()
        assert not worker.has_ended(within_seconds=1.5)  # rq takes two signals in one second for one
        worker.stop(step=1)
        worker.exit(within_seconds=worker.profile.stop[1][1] or 0)
        assert runner.words.is_quiet()


@pytest.mark.parametrize("name", CASES)
def test_a_stop_of_an_idle_worker_ends_it(name: str, make_runner: MakeRunner) -> None:
    case = CASES[name]
    skip_without(case.module)
    runner = make_runner(case.runner)
    worker = runner.start(case.backend, case.declaration)
    with explained(worker):
        worker.told()
        worker.stop()
        assert worker.exit() == 0
        assert worker.left_behind() == []
