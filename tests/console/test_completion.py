"""Shell completion: verbs, options, and names out of the running stack; each script in its own shell."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.console.project import SLEEPER, Project


def complete(project: Project, *words: str) -> list[str]:
    return project.ok("completion", "words", "--", *words).out.splitlines()


def test_verbs(project: Project) -> None:
    assert complete(project, "st") == ["start", "stop", "status"]
    assert "up" in complete(project, "")
    assert complete(project, "-C", "/", "stat") == ["status"]


def test_options(project: Project) -> None:
    assert complete(project, "up", "--det") == ["--detach"]
    assert "--stack-directory" in complete(project, "status", "--")


def test_names_of_the_running_stack(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}[processes.worker]\n{SLEEPER}")
    assert complete(project, "stop", "w") == []
    project.ok("up", "-d")
    assert complete(project, "stop", "w") == ["web", "worker", "web.1", "worker.1"]
    assert complete(project, "scale", "wo") == ["worker="]
    assert complete(project, "signal", "US") == ["USR1", "USR2"]
    assert complete(project, "signal", "HUP", "web") == ["web", "web.1"]


def test_bash_completes_with_the_script(project: Project) -> None:
    script = f"""\
procession() {{ {shutil.which("python3") and "command"} "$PYTHON" -m procession "$@"; }}
eval "$(procession completion bash)"
COMP_WORDS=(procession comp); COMP_CWORD=1
_procession
echo "${{COMPREPLY[@]}}"
"""
    assert run_shell(["bash", "-c", script], project) == "completion\n"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_scripts_are_understood(project: Project, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    path = project.directory / "script"
    path.write_text(project.ok("completion", shell).out)
    assert run_shell([shell, "-n", str(path)], project) == ""


def run_shell(argv: list[str], project: Project) -> str:
    import sys

    child = subprocess.run(
        argv,
        cwd=project.directory,
        env=project.environment({"PYTHON": sys.executable}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return child.stdout
