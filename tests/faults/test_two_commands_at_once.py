"""Several people at the command line at once: commands queue, none is an error, and there is one of each afterwards."""

from __future__ import annotations

import subprocess

from tests.console.project import COMMAND, SLEEPER, Project


def run_at_once(project: Project, *commands: tuple[str, ...]) -> list[int]:
    """The exit codes."""
    popens = [
        subprocess.Popen(
            [*COMMAND, *command],
            cwd=project.directory,
            env=project.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]
    return [popen.wait(60) for popen in popens]


def test_restart_scale_and_update(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}[processes.worker]\n{SLEEPER}")
    project.ok("up", "-d")
    codes = run_at_once(project, ("restart", "web"), ("restart", "--all"), ("scale", "worker=3"), ("update",))
    assert codes == [0, 0, 0, 0]
    names = [view["name"] for view in project.status()["instances"]]
    assert sorted(names) == ["web.1", "worker.1", "worker.2", "worker.3"]


def test_three_times_up(project: Project) -> None:
    """Only one of them starts a supervisor; the others may find it, or lose the race and say so."""
    project.declare(f"[processes.web]\n{SLEEPER}")
    codes = run_at_once(project, *[("up", "-d")] * 3)
    assert 0 in codes
    assert set(codes) <= {0, 4}
    assert len(project.status()["instances"]) == 1
    assert len(project.members()) == 3  # supervisor, recorder, web.1


def test_down_twice(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    codes = run_at_once(project, ("down",), ("down",))
    assert 0 in codes
    assert set(codes) <= {0, 3}
    assert project.members() == []
