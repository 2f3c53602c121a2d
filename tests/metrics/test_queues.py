"""Real tasks in the real queues of each task runner, with no worker there, and how many we count."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from procession.backends.registry import find, names
from procession.django.counters import COUNTERS
from tests.backends.workers.conftest import MakeRunner
from tests.backends.workers.stage import DIRECTORY, Runner
from tests.servers import rabbitmq_server

ENQUEUE = "from jobs.tasks import enqueue; [enqueue('nowhere') for _ in range({})]"
NOT_MADE = """
from jobsite.celery import app
with app.connection_for_read() as connection:
    try:
        connection.channel().queue_declare("never-used", passive=True)
    except connection.channel_errors as error:
        assert error.code == 404
    else:
        raise AssertionError("it was made")
"""
WORKERS = {
    "celery": ("celery-worker", ["python", "-m", "celery", "-A", "jobsite.celery", "worker"]),
    "django-tasks-db": ("django-tasks-db", ["python", "manage.py", "db_worker"]),
    "django-q2": ("django-q2", ["python", "manage.py", "qcluster"]),
    "huey": ("huey", ["python", "manage.py", "run_huey"]),
    "dramatiq": ("dramatiq", ["python", "manage.py", "rundramatiq"]),
    "rq": ("rq", ["python", "manage.py", "rqworker", "default"]),
    "procrastinate": ("procrastinate", ["python", "manage.py", "procrastinate", "worker"]),
}
Counts = dict[tuple[str, ...], int]


def shell(runner: Runner, code: str) -> None:
    runner.manage("shell", "--verbosity=0", "--command", code)


def count(runner: Runner, name: str, *flags: str) -> Counts:
    """(queue, state, priority) -> number, as the child says it."""
    backend, argv = WORKERS[name]
    said = ask(runner, [[backend, [*argv, *flags]]])
    (answer,) = map(json.loads, said.splitlines())
    assert answer["trouble"] == ""
    return {(queue, state, priority): number for queue, state, priority, number in answer["counts"]}


def ask(runner: Runner, questions: list[object]) -> str:
    argv = [sys.executable, "-m", "procession.django.queues", json.dumps(questions)]
    done = subprocess.run(argv, cwd=DIRECTORY, env=runner.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_backend_that_takes_tasks_has_its_counter() -> None:
    backends = [backend for name in names() if (backend := find(name)) is not None]
    assert {backend.queues for backend in backends} - {""} == set(COUNTERS)
    assert {backend.name for backend in backends if backend.queues} == {backend for backend, _ in WORKERS.values()} | {
        "rq-pool"
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("django-tasks-db", {("default", "waiting", ""): 3, ("default", "scheduled", ""): 0}),
        pytest.param(
            "django-q2",
            {
                ("jobs", "waiting", ""): 3,
                ("jobs", "reserved", ""): 0,
                ("jobs", "scheduled", ""): 0,
                ("jobs", "failed", ""): 0,
                ("jobs", "done", ""): 0,
            },
            marks=pytest.mark.slow,
        ),
        pytest.param("huey", {("jobs", "waiting", ""): 3, ("jobs", "scheduled", ""): 0}, marks=pytest.mark.slow),
        pytest.param(
            "dramatiq",
            {("default", "waiting", ""): 3, ("default", "scheduled", ""): 0, ("default", "dead", ""): 0},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_three_tasks_wait(make_runner: MakeRunner, name: str, expected: Counts) -> None:
    runner = make_runner(name)
    shell(runner, ENQUEUE.format(3))
    assert count(runner, name) == expected


@pytest.mark.slow
def test_what_is_for_later_does_not_wait(make_runner: MakeRunner) -> None:
    """It is no reason to start more workers."""
    runner = make_runner("procrastinate")
    assert count(runner, "procrastinate") == {("default", "waiting", ""): 0}
    shell(
        runner,
        "from jobs.tasks import work\nfor _ in range(2): work.defer(fifo='nowhere')\n"
        "work.configure(schedule_in={'hours': 1}).defer(fifo='nowhere')",
    )
    assert count(runner, "procrastinate") == {("default", "waiting", ""): 2, ("default", "scheduled", ""): 1}


def test_each_priority_of_celery_on_redis(make_runner: MakeRunner) -> None:
    runner = make_runner("celery")
    shell(
        runner,
        "from jobs.tasks import work\n"
        "for priority, times in ((0, 3), (3, 2), (6, 1)):\n"
        "    for _ in range(times): work.apply_async(('nowhere',), priority=priority)\n"
        "work.apply_async(('nowhere',), queue='slow')",
    )
    counts = count(runner, "celery", "-Q", "celery,slow,never-used")
    assert {key: number for key, number in counts.items() if number} == {
        ("celery", "waiting", "0"): 3,
        ("celery", "waiting", "3"): 2,
        ("celery", "waiting", "6"): 1,
        ("slow", "waiting", "0"): 1,
    }
    assert counts["never-used", "waiting", "9"] == 0
    assert counts["", "reserved", ""] == 0


@pytest.mark.slow
def test_celery_in_files(make_runner: MakeRunner) -> None:
    runner = make_runner("celery-files")
    shell(runner, ENQUEUE.format(3))
    assert count(runner, "celery") == {("celery", "waiting", ""): 3}


@pytest.mark.slow
def test_celery_on_rabbitmq_is_asked_passively(make_runner: MakeRunner) -> None:
    """To ask for a queue must not make it: nobody would work it off."""
    runner = make_runner("celery")
    with rabbitmq_server() as url:
        runner.environment["JOBS_AMQP"] = url
        shell(runner, ENQUEUE.format(3))
        for _ in range(2):
            counts = count(runner, "celery", "-Q", "never-used,celery")
            assert counts == {("celery", "waiting", ""): 3, ("never-used", "waiting", ""): 0}
        shell(runner, NOT_MADE)


@pytest.mark.slow
def test_every_queue_of_rq_and_what_it_knows_besides(make_runner: MakeRunner) -> None:
    runner = make_runner("rq")
    shell(
        runner,
        "import datetime, django_rq\nfrom jobs.tasks import work\n"
        "[django_rq.enqueue(work, 'nowhere') for _ in range(2)]\n"
        "django_rq.get_queue('high').enqueue(work, 'nowhere')\n"
        "django_rq.get_queue('high').enqueue_in(datetime.timedelta(hours=1), work, 'nowhere')",
    )
    counts = count(runner, "rq")
    assert {key: number for key, number in counts.items() if number} == {
        ("default", "waiting", ""): 2,
        ("high", "waiting", ""): 1,
        ("high", "scheduled", ""): 1,
    }
    assert counts["default", "failed", ""] == 0


def test_a_broker_that_is_down_is_a_trouble_and_the_next_runner_is_asked_all_the_same(
    make_runner: MakeRunner,
) -> None:
    runner = make_runner("huey")
    runner.environment["JOBS_REDIS"] = "/nowhere/redis.sock"
    questions: list[object] = [WORKERS["huey"], WORKERS["celery"]]
    huey, celery = map(json.loads, ask(runner, questions).splitlines())
    assert (huey["runner"], huey["counts"], "/nowhere/redis.sock" in huey["trouble"]) == ("huey", [], True)
    assert (celery["runner"], celery["counts"], bool(celery["trouble"])) == ("celery", [], True)
