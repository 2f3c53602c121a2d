"""The asking: a child in the site's Python, with a timeout, whose answer is kept for a while."""

from __future__ import annotations

import subprocess
import sys

import pytest

from procession.console import queue_answers
from procession.console.queue_answers import QueueAnswers
from procession.stack.model import Kind, Process, Stack
from tests.console.project import Project
from tests.metrics.reading import Numbers
from tests.servers import redis_server

TASKS = """
import os
from celery import Celery
app = Celery("tasks", broker=os.environ["BROKER"])
"""
DECLARED = """
[processes.worker]
backend = "celery-worker"
app = "tasks:app"
env = {{ BROKER = "redis+socket://{path}" }}
"""


def test_tasks_of_a_site_without_django_and_without_a_supervisor(project: Project) -> None:
    (project.directory / "tasks.py").write_text(TASKS)
    with redis_server() as path:
        project.declare(DECLARED.format(path=path))
        send = "from tasks import app; app.send_task('work', priority=3)"
        environment = project.environment({"BROKER": f"redis+socket://{path}"})
        subprocess.run([sys.executable, "-c", send], cwd=project.directory, env=environment, check=True)
        ended = project.run("metrics")
        numbers = Numbers(ended.out)
        assert ended.code == 3
        assert numbers.number("procession_queue_depth", runner="celery", queue="celery", priority="3") == 1
        assert numbers.number("procession_queue_depth", runner="celery", queue="celery", priority="0") == 0
        assert numbers.number("procession_queues_up", runner="celery") == 1
        assert not Numbers(project.run("metrics", "--no-queues").out).by_series
    ended = project.run("metrics")
    assert Numbers(ended.out).by_series == {("procession_queues_up", frozenset({("runner", "celery")})): 0}
    assert "the queues cannot be counted: celery: " in ended.err


def test_an_answer_is_given_again(stack: Stack) -> None:
    asked: list[Stack] = []

    def read_stack() -> Stack:
        asked.append(stack)
        return stack

    answers = QueueAnswers(read_stack)
    first = answers.fresh()
    assert answers.fresh() is first
    assert len(asked) == 1
    hasty = QueueAnswers(read_stack, fresh_seconds=0.0)
    assert hasty.fresh() is not hasty.fresh()
    assert len(asked) == 3


def test_a_site_that_does_not_load_in_time_is_given_up(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(queue_answers, "ANSWER_SECONDS_MAX", 0.05)  # before any Python has started
    answers = QueueAnswers(lambda: stack, fresh_seconds=0.0)
    for _ in range(2):
        assert answers.fresh() == [{"runner": "celery", "trouble": "no answer within 0.05 s", "counts": []}]
    said = capsys.readouterr().err
    assert said.count("the queues cannot be counted: celery: no answer within 0.05 s") == 1, "it is said once"


def test_a_user_that_is_not_there_is_a_trouble(stack: Stack) -> None:
    (answer,) = QueueAnswers(
        lambda: Stack(name="site", directory="/", processes=(_worker("nobody-of-that-name"),))
    ).fresh()
    assert "nobody-of-that-name" in answer["trouble"]


@pytest.fixture
def stack() -> Stack:
    return Stack(name="site", directory="/", processes=(_worker(""), _web()))


def _worker(user: str) -> Process:
    argv = (sys.executable, "-m", "celery", "-A", "nowhere", "worker")
    return Process(name="worker", kind=Kind.PROCESS, backend="celery-worker", argv=argv, directory="/", user=user)


def _web() -> Process:
    return Process(name="web", kind=Kind.PROCESS, backend="command", argv=("serve",), directory="/")
