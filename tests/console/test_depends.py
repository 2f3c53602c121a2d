"""What depends on what, through the command: who starts first, who stops first, and what is said meanwhile."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.backends.serving import free_port
from tests.console.project import SLEEPER, Project, await_true

WAITS_FOR_DB = """
[processes.db]
command = "sleep 1000"
readiness = {{ type = "tcp", address = "127.0.0.1:{port}", interval = 0.1, within = "100s" }}

[processes.worker]
command = "sleep 1000"
depends_on = {{ db = "ready" }}
"""
ORDER = """
[processes.migrate]
command = ["sh", "-c", "echo migrate >> order; test ! -e broken"]
type = "task"

[processes.web]
command = ["sh", "-c", "trap 'echo web stops >> order; exit 0' TERM; echo web {version} >> order; sleep 1000 & wait"]
depends_on = {{ migrate = "completed" }}
max_surge = 0

[processes.worker]
command = ["sh", "-c", "trap 'echo worker stops >> order; exit 0' TERM; echo worker >> order; sleep 1000 & wait"]
depends_on = {{ web = "started" }}
"""


def order(project: Project) -> list[str]:
    path: Path = project.directory / "order"
    return path.read_text().splitlines() if path.exists() else []


def up(project: Project) -> None:
    """It runs, and each is as far as to have said so: `started` does not wait for that."""
    project.declare(ORDER.format(version=1))
    project.ok("up", "-d")
    await_true(lambda: len(order(project)) == 3, "each has begun")


def test_waiting_explains_itself(project: Project) -> None:
    port = free_port()
    project.declare(WAITS_FOR_DB.format(port=port))
    reason = f"waits for db: tcp 127.0.0.1:{port}: connection refused"
    ended = project.run("up", "-d", "--timeout", "2s")
    assert ended.code == 5
    assert f"worker.1: {reason} (" in ended.err
    assert f"{reason} (" in project.run("status").out
    assert f"for db: tcp 127.0.0.1:{port}: connection refused" in project.ok("events", "worker", "-n", "all").out
    with socket.create_server(("127.0.0.1", port)):
        await_true(lambda: project.run("status").code == 0, "it came, and so does what waited for it")


def test_a_task_runs_once_for_each_up_and_update_and_first(project: Project) -> None:
    up(project)
    assert order(project)[0] == "migrate"
    project.declare(ORDER.format(version=2))
    said = project.ok("update")
    assert said.out.splitlines()[0] == "~ migrate: runs again"
    assert "~ web: restarts" in said.out
    await_true(lambda: order(project)[3:] == ["migrate", "web stops", "web 2"], "in this order")
    project.ok("up", "-d")
    assert order(project)[6:] == ["migrate"]


def test_a_task_that_fails_leaves_the_old_ones_running(project: Project) -> None:
    up(project)
    before = project.instance("web.1")["pid"]
    (project.directory / "broken").touch()
    project.declare(ORDER.format(version=2))
    ended = project.run("update")
    assert ended.code == 1
    assert "migrate.1: failed: exited with 1" in ended.err
    assert "web.1: still runs the old declaration" in ended.err
    assert project.instance("web.1")["pid"] == before
    assert "web.1: ready" not in ended.err, "it is what it was: that is no news"


def test_what_depends_on_others_stops_first(project: Project) -> None:
    up(project)
    project.ok("down")
    assert order(project)[3:] == ["worker stops", "web stops"]


@pytest.mark.parametrize("broken", ["raise SystemExit(7)", "import nothing.like.this"])
def test_a_site_that_cannot_be_asked_is_said_to_be_unchanged(project: Project, broken: str) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    before = project.instance("web.1")["pid"]
    (project.directory / "procession.toml").unlink()
    (project.directory / "manage.py").write_text("")
    (project.directory / "broken.py").write_text(broken)
    ended = project.run("--settings", "broken", "update")
    assert ended.code in (1, 4)
    assert "nothing was changed; what was running keeps running" in ended.err
    assert project.instance("web.1")["pid"] == before
