"""kill -9 of the supervisor, of the recorder, of both, and an upgrade: under 16 clients and 10,000 log lines a second.

No request fails, no line is lost or doubled, there is exactly one of each instance afterwards, and control is back.
Run with -rP to see the figures; benchmarks are for a quiet machine, so no time is asserted but that it is there again.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from procession.control.client import Client
from procession.refusal import Refusal
from tests.backends.serving import free_port
from tests.console.project import Project, await_true
from tests.e2e.load import Load
from tests.e2e.site import pids
from tests.supervisor.programs import marked
from tests.supervisor.site import wait_for_end

LINES_A_SECOND = 10_000
HELLO = """
def app(environment, start_response):
    start_response("200 OK", [])
    return [b"hello"]
"""
CHATTY = f"""
import os, time
number, began = 0, time.monotonic()
while True:
    lines = b"".join(b"line %09d\\n" % n for n in range(number, number + 100))
    while lines:
        lines = lines[os.write(1, lines):]
    number += 100
    time.sleep(max(0.0, began + number / {LINES_A_SECOND} - time.monotonic()))
"""
DECLARATION = """
[processes.web]
backend = "gunicorn"
app = "hello:app"
replicas = 2
args = {{ bind = "127.0.0.1:{port}", worker-class = "gthread", threads = 16 }}

[processes.chatty]
command = "python -u chatty.py"

[processes.chatty.log]
max_size = "1GB"
"""


def up(project: Project) -> int:
    port = free_port()
    (project.directory / "hello.py").write_text(HELLO)
    (project.directory / "chatty.py").write_text(CHATTY)
    project.declare(DECLARATION.format(port=port))
    project.ok("up", "-d")
    return port


def control_returns(project: Project) -> float:
    """Wait until `status` is answered; how long that took, in milliseconds."""
    began = time.monotonic()

    def is_answered() -> bool:
        try:
            with Client(str(project.stack_directory)) as client:
                return client.call("status", timeout_seconds=60).done
        except Refusal:
            return False

    await_true(is_answered, "somebody answers")
    return (time.monotonic() - began) * 1000


def kill_supervisor(project: Project) -> float:
    pid = project.status()["supervisor"]["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)
    return control_returns(project)


def kill_recorder(project: Project) -> float:
    await_true(lambda: project.status()["supervisor"]["recorder_pid"], "there is a recorder")
    os.kill(project.status()["supervisor"]["recorder_pid"], signal.SIGKILL)
    return control_returns(project)


def kill_both(project: Project) -> float:
    """And `up`, which takes over what runs: it is a person's command, so its own time counts."""
    await_true(lambda: project.status()["supervisor"]["recorder_pid"], "there is a recorder")
    own = project.status()["supervisor"]
    os.kill(own["pid"], signal.SIGSTOP)  # so that it does not start the other one before it is dead, too
    for pid in (own["recorder_pid"], own["pid"]):
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)
    began = time.monotonic()
    project.ok("up", "-d")
    return (time.monotonic() - began) * 1000


def upgrade(project: Project) -> float:
    """The longest time that anybody had to wait for an answer while it lasted."""
    longest = 0.0
    work = threading.Thread(target=project.ok, args=("upgrade",))
    work.start()
    while work.is_alive():
        longest = max(longest, control_returns(project))
    work.join()
    return longest


VICTIMS: dict[str, Callable[[Project], float]] = {
    "supervisor": kill_supervisor,
    "recorder": kill_recorder,
    "both, then up": kill_both,
    "upgrade": upgrade,
}


@pytest.mark.slow
@pytest.mark.parametrize("victim", VICTIMS)
def test_nothing_is_lost(project: Project, victim: str) -> None:
    port = up(project)
    before = pids(project)
    returns = []
    with Load(port) as load:
        load.go_on(500)
        for _ in range(5):
            returns.append(VICTIMS[victim](project))
            load.go_on(500)
            await_true(lambda: pids(project) == before, "everything is as it was")
            assert mains(project) == before
    project.ok("down")
    count = check_lines(project)
    print(f"{victim}: {load.figures()}; {count} lines; control back in", *(f"{one:.0f}" for one in returns), "ms")
    assert load.failures() == []


def mains(project: Project) -> dict[str, int]:
    """The main processes that are on the machine, whatever the supervisor thinks. Two of a name: it fails."""
    found: dict[str, int] = {}
    for pid in marked(project.stack_directory):
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        fields = dict(word.partition(b"=")[::2] for word in words)
        if fields[b"PROCESSION_PID"] == str(pid).encode():
            assert found.setdefault(fields[b"PROCESSION_INSTANCE"].decode(), pid) == pid
    return found


def check_lines(project: Project) -> int:
    """Every number is in the log once, in order; the last line may be cut by the end of its writer. Their count."""
    text = (project.stack_directory / "log" / "chatty.1.log").read_text()
    lines = [line.partition(" ")[2] for line in text.splitlines()[:-1]]
    assert lines == [f"line {number:09d}" for number in range(len(lines))]
    assert len(lines) > LINES_A_SECOND // 10
    return len(lines)
