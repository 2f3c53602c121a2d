"""`procession run` and `procession supervise`: both become what they run, with the pid that they have."""

from __future__ import annotations

import os
import select
import signal
import subprocess

import pytest

from tests.console.project import COMMAND, DEADLINE_SECONDS, SLEEPER, Project, await_true

TWO = f"""\
[stack]
env = {{SHARED = "both"}}
[processes.web]
{SLEEPER}env = {{OWN = "web", LEVEL = "1"}}
env_file = "web.env"
[processes.worker]
{SLEEPER}env = {{LEVEL = "2"}}
directory = "inside"
umask = "027"
"""
SHOW = ["sh", "-c", "echo $SHARED-$OWN-$LEVEL-$FROM_FILE; pwd; umask"]


def declare_two(project: Project) -> None:
    (project.directory / "inside").mkdir()
    (project.directory / "web.env").write_text("FROM_FILE=the file\nOWN=not this\n")
    project.declare(TWO)


def test_run_has_what_all_processes_have_in_common(project: Project) -> None:
    declare_two(project)
    shown = project.ok("run", "--", *SHOW).out.splitlines()
    assert shown[:2] == ["both---", str(project.directory)]


def test_run_like_a_process_is_where_it_is(project: Project) -> None:
    declare_two(project)
    assert project.ok("run", "--like", "web", "--", *SHOW).out.splitlines()[0] == "both-web-1-the file"
    shown = project.ok("run", "--like", "worker", "--", *SHOW).out.splitlines()
    assert shown == ["both--2-", str(project.directory / "inside"), "0027"]


def test_an_env_file_may_begin_with_a_byte_order_mark(project: Project) -> None:
    declare_two(project)
    (project.directory / "web.env").write_text("FROM_FILE=the file\n", encoding="utf-8-sig")
    assert project.ok("run", "--like", "web", "--", *SHOW).out.splitlines()[0] == "both-web-1-the file"


@pytest.mark.root
def test_run_like_a_process_with_a_user_is_that_user(project: Project) -> None:
    declare_two(project)
    project.declare(TWO + 'user = "65534"\n')
    shown = project.ok("run", "--like", "worker", "--", "sh", "-c", "id -u; echo $USER $HOME").out.split()
    assert shown == ["65534", "nobody", "/nonexistent"]


def test_run_needs_no_dashes_and_leaves_the_commands_options_alone(project: Project) -> None:
    declare_two(project)
    assert project.ok("run", "echo", "--like", "-C", "--json").out == "--like -C --json\n"


def test_the_exit_code_is_that_of_the_command(project: Project) -> None:
    declare_two(project)
    assert project.run("run", "--", "sh", "-c", "exit 7").code == 7


def test_run_of_nothing_and_of_what_is_not_there(project: Project) -> None:
    declare_two(project)
    assert project.run("run").code == 2
    ended = project.run("run", "no-such-program")
    assert ended.code == 4
    assert "'no-such-program': not found" in ended.err
    ended = project.run("run", "--like", "wbe", "true")
    assert ended.code == 2
    assert 'did you mean "web"?' in ended.err


def test_supervise_keeps_its_pid_echoes_lines_and_stops_everything_on_sigterm(project: Project) -> None:
    project.declare('[processes.web]\ncommand = ["sh", "-c", "echo here I am; exec sleep 1000"]\n')
    supervise = subprocess.Popen(
        [*COMMAND, "supervise"], cwd=project.directory, env=project.environment(), stdout=subprocess.PIPE
    )
    assert supervise.stdout is not None
    said = b""
    while b"here I am" not in said:
        ready, _, _ = select.select([supervise.stdout], [], [], DEADLINE_SECONDS)
        assert ready, said
        said += os.read(supervise.stdout.fileno(), 4096)
    assert b"web.1" in said
    await_true(lambda: project.run("status").code == 0, "it answers")
    assert project.status()["supervisor"]["pid"] == supervise.pid
    supervise.send_signal(signal.SIGTERM)
    assert supervise.wait(DEADLINE_SECONDS) == 0
    supervise.stdout.close()
    assert project.members() == []


def test_supervise_with_a_mistake_starts_nothing(project: Project) -> None:
    project.declare("[processes.web]\nreplicas = 2\n")
    assert project.run("supervise").code == 1
    assert project.members() == []


def test_supervise_beside_another_supervisor_is_refused_and_disturbs_nothing(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    pid = project.instance("web.1")["pid"]
    project.declare(f"[processes.worker]\n{SLEEPER}")
    ended = project.run("supervise")
    assert ended.code == 4
    assert "already runs" in ended.err
    assert project.instance("web.1")["pid"] == pid
    assert "- web: no longer declared, stops" in project.ok("update", "--dry-run").out
