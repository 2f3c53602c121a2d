"""A Celery worker whose main process hangs, found out by its own heartbeat under the real supervisor."""

from __future__ import annotations

import os
import signal

import pytest

from tests.console.project import Project, await_true
from tests.e2e.site import make_site, pids

DECLARATION = """
PRODUCTION_PROCESSES = {
    "worker": {"BACKEND": "celery-worker", "APP": "myproject.celery.app", "ARGS": {"concurrency": 1},
               "LIVENESS": {"MAX_AGE": "8s", "INTERVAL": "500ms", "FAILURES": 1}},
    "beat": {"BACKEND": "celery-beat", "APP": "myproject.celery.app"},
}
"""
HANGS = """
import signal, threading

def hang_here(*_):
    threading.Event().wait()

@worker_ready.connect
def hang_when_told(**_):
    signal.signal(signal.SIGUSR2, hang_here)
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_hung_worker_leaves_its_traceback_and_a_new_one_works(project: Project) -> None:
    make_site(project, DECLARATION)
    with (project.directory / "myproject" / "celery.py").open("a") as file:
        file.write("\nfrom celery.signals import worker_ready\n" + HANGS)
    project.ok("up", "-d")
    old = pids(project)["worker.1"]
    await_true(lambda: "the task ran" in log(project), "beat asks, it runs")
    os.kill(old, signal.SIGUSR2)
    await_true(lambda: pids(project).get("worker.1", old) != old, "the hung one is replaced")

    assert "hang_here" in log(project)
    hung = [event for event in project.ok("events").out.splitlines() if "hung" in event]
    assert hung
    assert "no heartbeat for" in hung[0]
    done = log(project).count("the task ran")
    await_true(lambda: log(project).count("the task ran") > done, "the new one works off what was left")


def log(project: Project) -> str:
    return project.ok("logs", "worker", "-n", "all").out
