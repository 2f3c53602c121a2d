"""What `down` and the end of a supervisor leave: nothing, whatever the programs do to get away."""

from __future__ import annotations

import os
import select
import signal
import subprocess

import pytest

from procession.supervisor.linux import cgroups
from tests.console.project import COMMAND, DEADLINE_SECONDS, SLEEPER, Project, await_true
from tests.e2e.site import COUNT, children, logged_numbers, pids
from tests.supervisor.programs import is_alive

# Deaf to TERM; with a daemon in a session of its own, and another that has dropped its environment and its output, too.
FUGITIVE = """\
import os, signal, sys, time

def daemon(do):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            do()
        os._exit(0)
    os.wait()

def tell(word):
    os.write(1, f"{word} {os.getpid()}\\n".encode())

def deaf():
    tell("daemon")
    time.sleep(1000)

def bare():
    tell("bare")
    os.closerange(0, 3)
    os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"], {})

signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
daemon(deaf)
daemon(bare)
tell("main")
time.sleep(1000)
"""


@pytest.mark.parametrize("ending", [("stop", "fugitive"), ("restart", "fugitive"), ("down",)])
def test_a_deaf_tree_that_runs_away_is_gone_after_a_stop(project: Project, ending: tuple[str, ...]) -> None:
    """Nothing but its cgroup tells whose the bare one is any more; without one, it goes with the whole stack."""
    (project.directory / "fugitive.py").write_text(FUGITIVE)
    project.declare(
        f'[processes.fugitive]\ncommand = "python fugitive.py"\nstop_timeout = "200ms"\n[processes.tick]\n{SLEEPER}'
    )
    project.ok("up", "-d")
    await_true(lambda: len(told(project)) == 3, "all three have said who they are")
    family = told(project)
    assert all(is_alive(pid) for pid in family.values())
    project.ok(*ending)
    left = [word for word, pid in family.items() if is_alive(pid)]
    assert left == ([] if ending == ("down",) or cgroups.find_base().path else ["bare"])
    if left:
        project.ok("down")
        assert not is_alive(family["bare"])


def told(project: Project) -> dict[str, int]:
    said = project.ok("logs", "fugitive", "-n", "all", "--no-times").out
    return {line.split()[-2]: int(line.split()[-1]) for line in said.splitlines()[:3]}


def test_logs_that_are_followed_lose_no_line_while_their_program_and_its_recorder_are_killed(project: Project) -> None:
    (project.directory / "count.py").write_text(COUNT)
    project.declare('[processes.count]\ncommand = "python count.py"\nbackoff = {steady = "0s"}\n')
    project.ok("up", "-d")
    follower = subprocess.Popen(
        [*COMMAND, "logs", "count", "-f", "-n", "all", "--no-times"],
        cwd=project.directory, env=project.environment(), stdout=subprocess.PIPE,
    )  # fmt: skip
    said = read_until(follower, 100)
    for victim in ("count.1", "recorder", "count.1"):
        own = project.status()["supervisor"]["recorder_pid"]
        os.kill(own if victim == "recorder" else pids(project)[victim], signal.SIGKILL)
        said += read_until(follower, (logged_numbers(said)[-1]) + 100)
    follower.terminate()  # not by SIGINT: that is ignored where the tests run in the background of a shell
    assert follower.stdout is not None
    said += follower.stdout.read().decode()
    follower.stdout.close()
    assert follower.wait(DEADLINE_SECONDS) == -signal.SIGTERM
    numbers = logged_numbers(said)
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(numbers[-1] + 1))


def read_until(child: subprocess.Popen[bytes], number: int) -> str:
    """What the child says up to (at least) the line of that number, whole lines."""
    assert child.stdout is not None
    said = b""
    while not said.endswith(b"\n") or logged_numbers(said.decode())[-1] < number:
        ready, _, _ = select.select([child.stdout], [], [], DEADLINE_SECONDS)
        assert ready, said[-1000:]
        said += os.read(child.stdout.fileno(), 65536)
    return said.decode()


IN_ORDER = """\
[processes.database]
command = ["sh", "-c", "trap 'echo database bye; exit' TERM; echo database here; while :; do read line < gate; done"]

[processes.web]
command = ["sh", "-c", "trap 'echo web bye; exit' TERM; (setsid echo orphan here &); while :; do read x < gate; done"]
depends_on = ["database"]
"""


@pytest.mark.root
def test_as_pid_1_it_stops_in_order_and_leaves_no_zombie(project: Project) -> None:
    os.mkfifo(project.directory / "gate")
    project.declare(IN_ORDER)
    unshare = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *COMMAND, "supervise"],
        cwd=project.directory, env=project.environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert unshare.stdout is not None
    said = ""
    while "orphan here" not in said:
        line = unshare.stdout.readline()
        assert line, said
        said += line
    assert "supervisor started, pid 1\n" in said
    (init,) = children(unshare.pid)
    await_true(lambda: len(children(init)) == 3, "recorder, database and web are left; the orphan has been reaped")
    assert project.status()["instances"][1]["pid"] in range(2, 20), "as seen from inside"
    os.kill(init, signal.SIGTERM)
    rest, _ = unshare.communicate(timeout=DEADLINE_SECONDS)
    assert unshare.returncode == 0, rest
    assert rest.index("web bye") < rest.index("database bye")
    assert not is_alive(init)
