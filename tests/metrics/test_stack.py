"""The numbers of real processes under a real supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from procession.metrics.stack import PHASES
from procession.metrics.usage import usage
from tests.console.project import DEADLINE_SECONDS, SLEEPER, Project, await_true
from tests.metrics.reading import Numbers, promtool

WEB = {"process": "web", "replica": "1"}


def measure(project: Project) -> Numbers:
    text = project.ok("metrics").out
    assert not promtool("check", "metrics", text=text)
    return Numbers(text)


def test_the_numbers_of_what_runs(project: Project) -> None:
    project.declare(
        f"[processes.web]\n{SLEEPER}replicas = 2\n[processes.setup]\ntype = 'task'\ncommand = 'echo done'\n"
    )
    project.ok("up", "-d")
    numbers = measure(project)
    assert numbers.number("procession_up") == 1
    assert numbers.all("procession_process_wanted") == {("setup",): 1, ("web",): 2}
    assert numbers.all("procession_process_ready") == {("setup",): 1, ("web",): 2}
    assert numbers.number("procession_process_info", process="web", backend="command", kind="process") == 1
    states = {key: number for key, number in numbers.all("procession_instance_state").items() if number}
    assert states == {("setup", "1", "done"): 1, ("web", "1", "ready"): 1, ("web", "2", "ready"): 1}
    assert len(numbers.all("procession_instance_state")) == 3 * len(PHASES)
    assert numbers.all("procession_instance_processes") == {("web", "1"): 1, ("web", "2"): 1}
    assert numbers.number("procession_instance_memory_bytes", **WEB) > 0
    assert numbers.number("procession_instance_open_fds", **WEB) >= 3
    assert numbers.number("procession_instance_uptime_seconds", **WEB) > 0
    assert numbers.number("procession_instance_last_exit_info", process="setup", replica="1", code="0") == 1
    assert numbers.number("procession_log_bytes_total", process="setup", replica="1") == len("done\n")
    assert numbers.number("procession_supervisor_memory_bytes", program="recorder") > 0


def test_how_it_ended_last_and_how_often_it_began(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}[processes.odd]\ncommand = 'sh -c \"exit 3\"'\nrestart = 'never'\n")
    project.run("up", "-d")
    pid = project.instance("web.1")["pid"]
    os.kill(pid, signal.SIGKILL)
    await_true(lambda: project.instance("web.1")["pid"] not in (0, pid), "it does not come back")
    numbers = measure(project)
    assert numbers.all("procession_instance_last_exit_info") == {
        ("web", "1", "SIGKILL"): 1,
        ("3", "odd", "1"): 1,  # its labels by name: code, process, replica
    }
    assert numbers.number("procession_instance_restarts_total", **WEB) == 1
    assert numbers.number("procession_instance_state", process="odd", replica="1", state="failed") == 1
    assert numbers.number("procession_process_ready", process="odd") == 0


def test_the_whole_tree_counts() -> None:
    """A shell, its child and its grandchild; each has a pipe or two open, and has used some processor time."""
    program = "import sys; sum(range(3_000_000)); print('ready', flush=True); sys.stdin.read()"
    argv = ["sh", "-c", f'sh -c "{sys.executable} -c \\"$PROGRAM\\"; true"; true']
    environment = {**os.environ, "PROGRAM": program}
    with subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        used = usage(child.pid)
        assert used.processes == 3
        assert used.open_fds >= 9
        assert used.cpu_seconds > 0
        assert used.memory_bytes > 1 << 20
        child.stdin.close()
        child.wait(DEADLINE_SECONDS)
    assert usage(child.pid) == (0, 0, 0, 0)


def test_without_a_supervisor_there_is_none(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    ended = project.run("metrics")
    assert (ended.code, ended.out) == (3, "")  # where none has ever been, none is missed
    project.ok("up", "-d")
    project.ok("down")
    ended = project.run("metrics")
    assert (ended.code, Numbers(ended.out).by_series) == (3, {("procession_up", frozenset()): 0})
    assert "no supervisor is running" in ended.err


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0", "0"])
def test_prometheus_is_answered_until_the_end(project: Project, address: str) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    argv = [*project.command, "metrics", "--listen", address]
    with subprocess.Popen(
        argv,
        cwd=project.directory,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        assert url.startswith("http://[::1]:" if "::1" in address else "http://127.0.0.1:")
        with urlopen(url, timeout=DEADLINE_SECONDS) as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert Numbers(answer.read().decode()).number("procession_process_ready", process="web") == 1
        with pytest.raises(HTTPError, match="404"):
            urlopen(url.replace("/metrics", "/"), timeout=DEADLINE_SECONDS)
        project.ok("down")
        with urlopen(url, timeout=DEADLINE_SECONDS) as answer:
            assert Numbers(answer.read().decode()).number("procession_up") == 0
        server.terminate()
        assert server.wait(DEADLINE_SECONDS) == 0


def test_a_wrong_address_is_said(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    assert project.run("metrics", "--listen", "9187x").code == 2
    with subprocess.Popen(
        [*project.command, "metrics", "--listen", "0"], cwd=project.directory, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        taken = server.stdout.readline().removeprefix("http://").partition("/")[0]
        ended = project.run("metrics", "--listen", taken)
        assert (ended.code, f"cannot listen on {taken}" in ended.err) == (4, True)
        server.terminate()


def test_what_is_shipped_is_printed(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    assert project.ok("metrics", "--rules").out.startswith("# Alert rules")
    assert project.ok("metrics", "--grafana").out.startswith("{")
