"""What a management command accepts is asked of the installed command, in a process where Django is set up."""

from __future__ import annotations

import json

import pytest

from tests.backends.workers.conftest import MakeRunner
from tests.backends.workers.stage import skip_without


@pytest.mark.parametrize(
    ("backend", "runner", "module", "good", "wrong", "said"),
    [
        (
            "django-tasks-db",
            "django-tasks-db",
            "django_tasks_db",
            {"queue-name": ["a", "b"], "max-tasks": 10, "reload": False},
            {"processes": 4},
            "E040 args.processes",
        ),
        ("django-q2", "django-q2", "django_q", {"cluster-name": "x"}, {"workers": 4}, "E040 args.workers"),
        ("huey", "huey", "huey", {"workers": 2, "huey-verbose": True}, {"worker": 2}, 'did you mean "workers"?'),
        (
            "dramatiq",
            "dramatiq",
            "django_dramatiq",
            {"queues": ["a", "b"], "threads": 2},
            {"thread": 2},
            'did you mean "threads"?',
        ),
        ("rq", "rq", "django_rq", {"queues": ["a"], "max-jobs": 2}, {"max-job": 2}, 'did you mean "max-jobs"?'),
        ("rq-pool", "rq", "django_rq", {"num-workers": 2}, {"workers": 2}, 'did you mean "num-workers"?'),
        (
            "procrastinate",
            "procrastinate",
            "procrastinate",
            {"queues": ["a", "b"], "one-shot": True, "concurrency": 2},
            {"concurency": 2},
            'did you mean "concurrency"?',
        ),
    ],
)
def test_a_mistyped_option_is_found(
    backend: str,
    runner: str,
    module: str,
    good: dict[str, object],
    wrong: dict[str, object],
    said: str,
    make_runner: MakeRunner,
) -> None:
    skip_without(module)
    site = make_runner(runner)
    assert site.manage("problems", backend, json.dumps(good)) == ""
    assert said in site.manage("problems", backend, json.dumps(wrong))
