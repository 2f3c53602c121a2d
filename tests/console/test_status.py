"""`procession status`: what it shows, what its exit code says, and that it is quick."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

from procession.console import text, views
from tests.console.project import SLEEPER, Project, await_true

SLOW_IMPORTS = {"dataclasses", "inspect", "typing", "subprocess", "asyncio", "shutil", "pathlib", "tempfile", "logging"}


def test_the_table_has_a_row_for_each_instance(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}[processes.worker]\n{SLEEPER}replicas = 2\n")
    project.ok("up", "-d")
    head, *rows = project.ok("status").out.splitlines()
    assert head.split() == ["NAME", "STATE", "PID", "UPTIME", "RESTARTS", "MEMORY"]
    assert [row.split()[:2] for row in rows] == [["web.1", "ready"], ["worker.1", "ready"], ["worker.2", "ready"]]


def test_names_choose_rows(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}[processes.worker]\n{SLEEPER}replicas = 2\n")
    project.ok("up", "-d")
    _, *rows = project.ok("status", "worker.2", "web").out.splitlines()
    assert [row.split()[0] for row in rows] == ["web.1", "worker.2"]
    ended = project.run("status", "wroker")
    assert ended.code == 2
    assert 'did you mean "worker"?' in ended.err


def test_one_that_is_not_ready_has_its_reason_below_it_and_makes_it_1(project: Project) -> None:
    project.declare(f'[processes.web]\n{SLEEPER}readiness = {{type = "file", file = "never", interval = "20ms"}}\n')
    project.ok("up", "-d", "--no-wait")
    await_true(lambda: "never" in project.run("status").out, "the reason is shown")
    ended = project.run("status")
    assert ended.code == 1
    _, row, reason = ended.out.splitlines()
    assert row.split()[:2] == ["web.1", "starting"]
    assert reason.startswith("    waiting for readiness (")


def test_a_crash_loop_shows_its_last_lines(project: Project) -> None:
    project.declare(
        '[processes.web]\ncommand = ["sh", "-c", "echo why; exit 3"]\nbackoff = {first = "10ms", longest = "60s"}\n'
        'readiness = {type = "file", file = "never"}\n'
    )
    assert project.run("up", "-d").code == 1
    await_true(lambda: "crash-looping" in project.run("status").out, "it is called so")
    ended = project.run("status")
    assert ended.code == 1
    assert "Last lines of web.1:\n    why\n" in ended.out


def test_what_a_person_stopped_is_well(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    project.ok("stop", "web")
    assert project.ok("status").out.splitlines()[1].split()[:2] == ["web.1", "stopped"]


def test_a_process_scaled_to_nothing_is_still_named(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}[processes.worker]\n{SLEEPER}")
    project.ok("up", "-d")
    project.ok("scale", "worker=0")
    assert project.ok("status").out.splitlines()[2].split() == ["worker", "no", "instances"]


def test_without_a_supervisor_it_is_3_and_says_what_to_do(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    ended = project.run("status")
    assert ended.code == 3
    assert ended.err.splitlines() == [
        f"error: no supervisor is running in {project.stack_directory}",
        "    start it: procession up -d",
    ]


def test_json_is_all_that_the_supervisor_knows_and_the_memory(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    data = json.loads(project.ok("status", "--json").out)
    (view,) = data["instances"]
    assert view["name"] == "web.1"
    assert 0 < view["memory_bytes"] < 2**30
    assert Path(f"/proc/{data['supervisor']['pid']}/cmdline").read_bytes().count(b"supervisor/__main__.py") == 1


def test_memory_counts_the_whole_tree(project: Project) -> None:
    fat = f"{sys.executable} -c 'b = bytearray(50 * 2**20); import time; time.sleep(1000)'"
    project.declare(f'[processes.web]\ncommand = ["sh", "-c", "{fat} & wait"]\n'.replace("'b", "'b"))
    project.ok("up", "-d")
    await_true(lambda: project.instance("web.1")["memory_bytes"] > 50 * 2**20, "the child's memory counts")


def test_colours_on_a_terminal_alone(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    assert "\x1b[" not in project.ok("status").out
    coloured = project.terminal("status")
    assert coloured.ended() == 0
    assert "\x1b[32mready" in coloured.raw
    plain = project.terminal("status", "--no-color")
    assert plain.ended() == 0
    assert "\x1b[" not in plain.raw


def test_watch_shows_changes_until_the_supervisor_ends(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    terminal = project.terminal("status", "--watch")
    terminal.await_text("ready")
    project.ok("stop", "web")
    terminal.await_text("stopped")
    project.ok("down")
    assert terminal.ended() == 3


def test_status_imports_nothing_slow(project: Project) -> None:
    """`procession status` may take 40 ms in all: dataclasses would take 10 of them, subprocess 5, typing 4."""
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    program = "import sys; from procession.console.main import main; main(['status']); print(*sys.modules)"
    child = subprocess.run(
        [sys.executable, "-c", program], cwd=project.directory, capture_output=True, text=True, check=True
    )
    imported = set(child.stdout.splitlines()[-1].split())
    assert "procession.console.status" in imported
    assert not imported & SLOW_IMPORTS


def test_a_limit_that_nothing_holds_is_below_the_table() -> None:
    not_held = {"web": ["cpu: why"], "one that was not asked for": ["cpu: why"]}
    data = {"processes": [{"name": "web", "listeners": []}], "instances": [], "not_held": not_held}
    assert views.status_lines(data, text.Ink(io.StringIO()))[-1] == "web: not held to cpu: why"
