"""SIGHUP to the supervisor is `procession update`, asked for by whoever knows its pid alone, such as systemd."""

from __future__ import annotations

import os
import signal

from tests.console.project import SLEEPER, Project, await_true


def hang_up(project: Project) -> None:
    os.kill(project.status()["supervisor"]["pid"], signal.SIGHUP)


def own_log(project: Project) -> str:
    return (project.stack_directory / "log" / "procession.log").read_text()


def test_what_is_declared_now_runs(project: Project) -> None:
    """From a file that must be named each time; the supervisor knows it from the last time."""
    other = project.directory / "other.toml"
    other.write_text(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d", "--file", "other.toml")
    before = project.instance("web.1")["pid"]
    other.write_text(f"[processes.web]\n{SLEEPER}replicas = 2\n")
    hang_up(project)
    await_true(lambda: "web.2: ready" in own_log(project), "it says what became of it")
    assert "update: ~ web: 1 -> 2 instances" in own_log(project)
    await_true(lambda: "reread" in project.ok("events", "-n", "all").out, "it is in the history")
    assert project.instance("web.1")["pid"] == before


def test_mistakes_change_nothing_and_are_said(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    before = project.instance("web.1")["pid"]
    project.declare("[processes.web]\nreplicas = -1\n")
    hang_up(project)
    await_true(lambda: "update: ended with 1" in own_log(project), "it says so")
    assert "web.replicas" in own_log(project)
    assert project.instance("web.1")["pid"] == before
