"""Each task runner for real: it says when it is ready, and a stop lets the task that runs come to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec

import pytest

from procession.stack.model import Declaration
from tests.backends.workers.conftest import MakeRunner
from tests.backends.workers.stage import explained


@dataclass(frozen=True)
class Case:
    """A backend, the runner whose tasks it works off, the module that must be there, and what the declaration says."""

    backend: str
    runner: str
    module: str
    declaration: Declaration = field(default_factory=Declaration)


CASES = (
    Case("celery-worker", "celery", "celery", Declaration(app="jobsite.celery.app", args={"concurrency": 1})),
    Case("celery-worker", "celery", "celery", Declaration(args={"pool": "threads", "concurrency": 1})),
    Case("django-tasks-db", "django-tasks-db", "django_tasks_db", Declaration(args={"interval": 0.1})),
    Case("django-q2", "django-q2", "django_q"),
    Case("huey", "huey", "huey"),
    Case("huey", "huey", "huey", Declaration(args={"worker-type": "process"})),
    Case("dramatiq", "dramatiq", "django_dramatiq", Declaration(args={"processes": 1, "threads": 1})),
    Case("rq", "rq", "django_rq", Declaration(args={"queues": ["high", "default"]})),
    Case("rq-pool", "rq", "django_rq", Declaration(args={"num-workers": 2})),
    Case("procrastinate", "procrastinate", "procrastinate"),
)


def skip_without(module: str) -> None:
    """Not importorskip: most of them cannot be imported without the site's settings."""
    if not find_spec(module):
        pytest.skip(f"{module} is not installed")


@pytest.mark.parametrize("case", CASES, ids=[f"{case.backend}-{number}" for number, case in enumerate(CASES)])
def test_a_stop_lets_the_running_task_end(case: Case, make_runner: MakeRunner) -> None:
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
        assert runner.notices.is_quiet()


@pytest.mark.parametrize("case", CASES[::2], ids=[case.backend for case in CASES[::2]])
def test_a_stop_of_an_idle_worker_ends_it(case: Case, make_runner: MakeRunner) -> None:
    skip_without(case.module)
    runner = make_runner(case.runner)
    worker = runner.start(case.backend, case.declaration)
    with explained(worker):
        worker.told()
        worker.stop()
        assert worker.exit() == 0
        assert worker.left_behind() == []
