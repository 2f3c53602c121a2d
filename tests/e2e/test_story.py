"""The declaration of the settings page, run and killed piece by piece: nothing is left behind, and no line is lost."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.backends.serving import free_port, get
from tests.console.project import Project, await_true
from tests.e2e.site import check_numbers, children, make_site, pids, write_settings

DECLARATION = """
PRODUCTION_PROCESSES = {
    "web": {"BACKEND": "django_prodserver.backends.gunicorn.GunicornServer",
            "ARGS": {"bind": "0.0.0.0:8000", "workers": "8", "timeout": "60"}},
    "worker": {"BACKEND": "django_prodserver.backends.celery.CeleryWorker", "APP": "myproject.celery.app",
               "ARGS": {"concurrency": "8", "loglevel": "info", "max-tasks-per-child": "1000"}},
    "beat": {"BACKEND": "django_prodserver.backends.celery.CeleryBeat", "APP": "myproject.celery.app",
             "ARGS": {"loglevel": "info"}},
}
"""
COUNTING = 'PRODUCTION_PROCESSES["count"] = {"COMMAND": "python count.py"}\n'
MANY_SECONDS = 300  # Celery takes its time to start and to stop, more so on a busy machine


def declaration(port: int, workers: int = 2) -> str:
    """As it stands, with a free port, and not so many workers that other tests have no machine left."""
    text = DECLARATION.replace("8000", str(port)).replace('"workers": "8"', f'"workers": "{workers}"')
    return text.replace('"concurrency": "8"', '"concurrency": "2"') + COUNTING


@pytest.mark.timeout(MANY_SECONDS)
def test_killed_piece_by_piece_scaled_updated_and_taken_down(project: Project) -> None:
    port = free_port()
    make_site(project, declaration(port))
    project.ok("up", "-d")
    assert set(pids(project)) == {"web.1", "worker.1", "beat.1", "count.1"}
    assert get(f"127.0.0.1:{port}") == (200, "hello")
    await_true(
        lambda: "the task ran" in project.ok("logs", "worker", "--grep", "the task ran").out, "beat asks, it runs"
    )

    for name in ("web.1", "count.1", "worker.1", "beat.1"):
        kill_and_await_the_next(project, name)
        assert get(f"127.0.0.1:{port}") == (200, "hello"), "a request waits for the next web, and is not refused"
    kill_a_gunicorn_worker(project, port)
    kill_what_watches(project, "pid")
    kill_what_watches(project, "recorder_pid")
    project.ok("scale", "count=2")
    kill_and_await_the_next(project, "count.2")
    project.ok("scale", "count=1")
    project.ok("restart", "count", "web")
    update_changes_web_alone(project, port)

    project.ok("down")
    assert project.members() == []
    check_numbers(project, "count.1")
    check_numbers(project, "count.2")


def kill_and_await_the_next(project: Project, name: str) -> None:
    before = pids(project)
    os.kill(before[name], signal.SIGKILL)
    await_true(lambda: is_ready_as_another(project, name, before[name]), f"{name} is ready again")
    now = pids(project)
    assert {other: pid for other, pid in now.items() if other != name} == {
        other: pid for other, pid in before.items() if other != name
    }


def is_ready_as_another(project: Project, name: str, pid: int) -> bool:
    view = project.instance(name)
    return view["phase"] == "ready" and view["pid"] not in (0, pid)


def kill_a_gunicorn_worker(project: Project, port: int) -> None:
    """That is gunicorn's to mend; the instance stays."""
    web = pids(project)["web.1"]
    victim = children(web)[0]
    os.kill(victim, signal.SIGKILL)
    await_true(lambda: len(children(web)) == 2 and victim not in children(web), "gunicorn has another worker")
    assert get(f"127.0.0.1:{port}") == (200, "hello")
    assert pids(project)["web.1"] == web


def kill_what_watches(project: Project, which: str) -> None:
    """The supervisor or the recorder: the other one starts it again, and no instance has noticed."""
    before, own = pids(project), project.status()["supervisor"]
    os.kill(own[which], signal.SIGKILL)
    await_true(lambda: is_back(project, which, own[which]), f"there is another {which}")
    assert pids(project) == before


def is_back(project: Project, which: str, pid: int) -> bool:
    ended = project.run("status", "--json")
    return ended.code in (0, 1) and json.loads(ended.out)["supervisor"][which] not in (None, pid)


def update_changes_web_alone(project: Project, port: int) -> None:
    before = pids(project)
    write_settings(project, declaration(port, workers=3))
    assert "workers=2 -> --workers=3" in project.ok("update").out
    now = pids(project)
    assert {name for name in before if now[name] != before[name]} == {"web.1"}
    await_true(lambda: len(children(now["web.1"])) == 3, "gunicorn has the workers that are declared now")
