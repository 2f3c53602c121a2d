"""`procession up` and `down`: a site comes up, says so, and goes down whole."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.console.project import SLEEPER, Project, await_true

GATED = """\
[processes.web]
command = "sleep 1000"
readiness = {type = "file", file = "open", interval = "50ms", within = "30s"}
"""
BROKEN = """\
[processes.broken]
command = ["sh", "-c", "echo the reason is this; exit 3"]
readiness = {type = "file", file = "never"}
backoff = {first = "10ms"}
"""


def test_up_detached_returns_when_all_is_ready(project: Project) -> None:
    project.declare(GATED + f"[processes.worker]\n{SLEEPER}replicas = 2\n")
    (project.directory / "open").touch()
    ended = project.ok("up", "-d")
    assert {view["name"]: view["phase"] for view in project.status()["instances"]} == {
        "web.1": "ready",
        "worker.1": "ready",
        "worker.2": "ready",
    }
    assert "web.1: ready after" in ended.err
    assert ended.err.splitlines()[-1] == "site is up"
    assert ended.out == ""


def test_up_that_is_not_ready_in_time_says_what_is_awaited(project: Project) -> None:
    project.declare(GATED)
    ended = project.run("up", "-d", "--timeout", "300ms")
    assert ended.code == 5, ended
    assert "web.1: waiting for readiness (0." in ended.err
    assert " of 30 s)" in ended.err
    assert project.instance("web.1")["phase"] == "starting", "it goes on"


def test_up_without_waiting_returns_at_once(project: Project) -> None:
    project.declare(GATED)
    project.ok("up", "-d", "--no-wait")
    await_true(lambda: project.instance("web.1")["phase"] == "starting", "it starts")


def test_a_crash_loop_is_shown_with_its_last_lines_and_the_error_last(project: Project) -> None:
    project.declare(BROKEN + f"[processes.worker]\n{SLEEPER}")
    ended = project.run("up", "-d")
    assert ended.code == 1, ended
    *_, last = ended.err.splitlines()
    assert last.startswith("error: broken.1: crash-looping: exited with 3")
    assert "    the reason is this" in ended.err
    assert project.instance("worker.1")["phase"] == "ready"


def test_mistakes_are_all_listed_and_what_runs_keeps_running(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    pid = project.instance("web.1")["pid"]
    project.declare('[processes.web]\nbackend = "gunicron"\n[processes.worker]\nreplicas = "many"\n')
    ended = project.run("up", "-d")
    assert ended.code == 1, ended
    assert "web.backend" in ended.err
    assert "worker.replicas" in ended.err
    assert project.instance("web.1")["pid"] == pid


def test_mistakes_start_no_supervisor(project: Project) -> None:
    project.declare("[processes.web]\nreplicas = 2\n")
    assert project.run("up").code == 1
    assert project.run("status").code == 3
    assert not project.stack_directory.exists()


def test_a_second_up_applies_to_the_supervisor_that_is_there(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    supervisor, pid = project.status()["supervisor"]["pid"], project.instance("web.1")["pid"]
    project.declare(f"[processes.web]\n{SLEEPER}[processes.worker]\n{SLEEPER}")
    project.ok("up", "-d")
    assert project.status()["supervisor"]["pid"] == supervisor
    assert project.instance("web.1")["pid"] == pid
    assert project.instance("worker.1")["phase"] == "ready"


def test_up_starts_what_a_person_had_stopped(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    project.ok("stop", "web")
    project.ok("up", "-d")
    assert project.instance("web.1")["phase"] == "ready"


def test_in_the_foreground_it_shows_lines_and_ctrl_c_stops_everything_in_order(project: Project) -> None:
    project.declare(
        '[processes.database]\ncommand = ["sh", "-c", "echo I am the database; exec sleep 1000"]\n'
        f'[processes.web]\n{SLEEPER}depends_on = ["database"]\n'
    )
    terminal = project.terminal("up")
    terminal.await_text("database.1 | I am the database")
    terminal.await_text("-- web.1: ready after")
    terminal.await_text("-- site is up")
    terminal.press_ctrl_c()
    assert terminal.ended() == 0
    assert terminal.shown.index("-- web.1: stopped") < terminal.shown.index("-- database.1: stopped")
    assert project.members() == []


def test_what_dies_meanwhile_is_said_and_started_again(project: Project) -> None:
    project.declare(f'[processes.web]\n{SLEEPER}backoff = {{steady = "0s"}}\n')
    terminal = project.terminal("up")
    terminal.await_text("-- web.1: ready after")
    os.kill(project.instance("web.1")["pid"], signal.SIGKILL)
    terminal.await_text("-- web.1: killed by SIGKILL")
    await_true(lambda: project.instance("web.1")["phase"] == "ready", "it is started again")
    terminal.press_ctrl_c()
    assert terminal.ended() == 0


def test_a_second_ctrl_c_kills_what_does_not_stop(project: Project) -> None:
    project.declare(
        '[processes.deaf]\ncommand = ["sh", "-c", "trap : TERM; echo deaf; while :; do sleep 1000; done"]\n'
        'stop_timeout = "100s"\n'
    )
    terminal = project.terminal("up")
    terminal.await_text("deaf.1 | deaf")
    terminal.press_ctrl_c()
    terminal.await_text("Ctrl-C again kills")
    await_true(lambda: project.instance("deaf.1")["phase"] == "stopping", "it is being stopped")
    terminal.press_ctrl_c()
    terminal.await_text("killing what is left")
    terminal.await_text("deaf.1: stopped")
    terminal.ended()
    assert project.members() == []


def test_what_is_stopped_before_it_was_ready_is_never_called_up(project: Project) -> None:
    project.declare(GATED)
    terminal = project.terminal("up")
    terminal.await_text("waiting for readiness")
    terminal.press_ctrl_c()
    terminal.await_text("web.1: stopped")
    assert terminal.ended() == 0
    assert "is up" not in terminal.shown


def test_sigterm_to_up_stops_everything_too(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    terminal = project.terminal("up")
    terminal.await_text("web.1: ready")
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.ended() == 0
    assert project.members() == []


def test_a_signal_that_comes_twice_at_once_is_one(project: Project) -> None:
    """As timeout(1) sends it: to us, and to our process group."""
    project.declare(f"[processes.web]\n{SLEEPER}")
    terminal = project.terminal("up")
    terminal.await_text("web.1: ready")
    os.kill(terminal.pid, signal.SIGTERM)
    os.killpg(terminal.pid, signal.SIGTERM)
    assert terminal.ended() == 0
    assert "killing what is left" not in terminal.shown


def test_ctrl_c_leaves_a_supervisor_running_that_was_there_before(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    terminal = project.terminal("up")
    terminal.await_text("already running")
    terminal.press_ctrl_c()
    assert terminal.ended() == 0
    assert "the site runs on" in terminal.shown
    assert project.instance("web.1")["phase"] == "ready"


def test_the_view_ends_when_somebody_else_takes_the_site_down(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    terminal = project.terminal("up")
    terminal.await_text("web.1: ready")
    project.ok("down")
    assert terminal.ended() == 0
    assert "the supervisor has ended" in terminal.shown


def test_down_leaves_nothing_and_says_what_stopped(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}replicas = 3\n")
    project.ok("up", "-d")
    ended = project.ok("down")
    assert sorted(ended.err.splitlines()) == ["web.1: stopped", "web.2: stopped", "web.3: stopped"]
    assert project.members() == []


def test_down_without_a_supervisor_is_exit_code_3(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    ended = project.run("down")
    assert ended.code == 3, ended
    assert "no supervisor is running in" in ended.err


def test_down_also_stops_what_a_killed_supervisor_left(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    own = project.status()["supervisor"]
    os.kill(own["recorder_pid"], signal.SIGSTOP)  # it would start another supervisor
    os.kill(own["pid"], signal.SIGKILL)
    os.kill(own["recorder_pid"], signal.SIGKILL)
    await_true(lambda: len(project.members()) == 1, "web.1 alone is left")
    ended = project.run("status")
    assert ended.code == 3
    assert "did not end in order" in ended.err
    project.ok("down")
    assert project.members() == []


def test_the_stack_directory_is_kept_out_of_git(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    assert (project.stack_directory / ".gitignore").read_text() == "*\n"
    assert Path(project.stack_directory).stat().st_mode & 0o777 == 0o700


def test_a_task_is_done_and_never_called_ready(project: Project) -> None:
    project.declare(
        f'[processes.migrate]\ncommand = "true"\ntype = "task"\n[processes.web]\n{SLEEPER}depends_on = ["migrate"]\n'
    )
    ended = project.ok("up", "-d")
    assert [line.split()[:2] for line in ended.err.splitlines()] == [
        ["migrate.1:", "done"],
        ["web.1:", "ready"],
        ["site", "is"],
    ]


def test_the_reason_of_the_last_probe_is_said_while_we_wait(project: Project) -> None:
    project.declare(GATED)
    terminal = project.terminal("up", "-d")
    terminal.await_text("waiting for readiness (0.")
    terminal.await_text("file open: no such file")
    (project.directory / "open").touch()
    assert terminal.ended() == 0
