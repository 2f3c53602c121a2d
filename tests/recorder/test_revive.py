"""A supervisor that dies is started again; one that goes is let go."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.recorder.revive import FIRST_WAIT_SECONDS
from tests.recorder.rig import DEADLINE_SECONDS, Rig, eventually, read_until

# A supervisor as far as the recorder sees it: it says in one line where it is, and stays.
SUPERVISOR = """
import os, signal, sys
said = os.open(os.environ["SAY"], os.O_WRONLY)
os.write(said, b"%d %d %s %s\\n" % (
    os.getpid(), os.getsid(0), os.getcwd().encode(), os.readlink("/proc/self/fd/0").encode()
))
if len(sys.argv) > 1:
    sys.exit(3)
signal.pause()
"""


class Stage:
    """The supervisor's side: `said` is what each of them writes on its start."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self.rig = rig
        self.folder = folder
        self.fifo = folder / "said"
        os.mkfifo(self.fifo)
        self.said = os.open(self.fifo, os.O_RDWR)
        self.pids: list[int] = []

    def argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-I", "-S", "-c", SUPERVISOR, *arguments]

    def first(self) -> subprocess.Popen[bytes]:
        process = self.rig.own(subprocess.Popen(self.argv(), env={"SAY": str(self.fifo)}))
        assert self.next()[0] == process.pid
        return process

    def watch(self, pid: int, *arguments: str) -> None:
        self.rig.send(
            watch={
                "pid": pid,
                "argv": self.argv(*arguments),
                "environment": {"SAY": str(self.fifo)},
                "directory": str(self.folder),
            }
        )

    def next(self) -> tuple[int, int, str, str]:
        """Pid, session, folder and stdin of the next one that is there."""
        pid, session, folder, stdin = read_until(self.said, lambda data: data.endswith(b"\n")).decode().split()
        self.pids.append(int(pid))
        return int(pid), int(session), folder, stdin

    def end(self) -> None:
        """Leave nothing behind: the recorder first, which would start the next one."""
        assert self.rig.recorder is not None
        self.rig.kill()
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        os.close(self.said)


@pytest.fixture
def stage(rig: Rig, tmp_path: Path) -> Iterator[Stage]:
    rig.start()
    stage = Stage(rig, tmp_path)
    yield stage
    stage.end()


def test_killed_it_is_started_again_in_a_session_of_its_own(stage: Stage) -> None:
    first = stage.first()
    stage.watch(first.pid)
    stage.rig.send(note="watching")
    eventually(lambda: "watching" in stage.rig.notes())
    first.kill()
    first.wait()
    pid, session, folder, stdin = stage.next()
    assert pid != first.pid
    assert session == pid
    assert folder == str(stage.folder)
    assert stdin == "/dev/null"
    eventually(stage.rig.events)
    ((kind, _, detail),) = stage.rig.events()
    assert kind == "supervisor-died"
    assert detail["message"] == f"supervisor died, started again: pid {first.pid} is now {pid}"
    os.kill(pid, 9)  # and once more, without it having asked to be watched
    again, *_ = stage.next()
    assert again not in (first.pid, pid)


def test_dead_before_it_is_watched_it_is_started_again(stage: Stage) -> None:
    first = stage.first()
    first.kill()
    first.wait()
    stage.watch(first.pid)
    assert stage.next()[0] != first.pid


def test_one_that_said_that_it_goes_is_let_go(stage: Stage) -> None:
    first = stage.first()
    stage.watch(first.pid)
    stage.rig.send(unwatch=True)
    stage.rig.send(note="let go")
    eventually(lambda: "let go" in stage.rig.notes())
    first.kill()
    first.wait()
    stage.rig.quit()
    assert not stage.rig.events()
    assert stage.pids == [first.pid]


def test_one_that_dies_at_once_is_started_ever_more_slowly(stage: Stage) -> None:
    first = stage.first()
    stage.watch(first.pid, "die")
    first.kill()
    first.wait()
    for _ in range(3):
        stage.next()
    eventually(lambda: len(stage.rig.events()) == 3)
    database = sqlite3.connect(stage.rig.directory / "history.sqlite")
    times = [at for (at,) in database.execute("SELECT at FROM events ORDER BY id")]
    database.close()
    assert times[1] - times[0] >= FIRST_WAIT_SECONDS
    assert times[2] - times[1] >= FIRST_WAIT_SECONDS * 2
    stage.rig.send(unwatch=True)
    stage.rig.quit()


def test_a_program_that_is_not_there_does_not_spin(stage: Stage) -> None:
    first = stage.first()
    stage.rig.send(watch={"pid": first.pid, "argv": ["/no/such/program"], "environment": {}, "directory": "/nowhere"})
    first.kill()
    first.wait()
    eventually(lambda: "supervisor died" in stage.rig.notes())
    stage.rig.open("web.1")
    stage.rig.say("web.1", b"recorded all the same\n")
    stage.rig.close("web.1")
    assert stage.rig.text("web.1") == b"recorded all the same\n"
    stage.rig.quit()


def test_on_sigterm_it_stays_until_its_supervisor_has_gone(stage: Stage) -> None:
    first = stage.first()
    stage.watch(first.pid)
    stage.rig.open("web.1")
    stage.rig.say("web.1", b"one\n")
    eventually(lambda: stage.rig.log("web.1"))
    assert stage.rig.recorder is not None
    stage.rig.recorder.terminate()
    stage.rig.say("web.1", b"two\n")
    eventually(lambda: b"two" in stage.rig.log("web.1"))
    stage.rig.say("web.1", b"three\n")
    first.kill()
    first.wait()
    assert stage.rig.recorder.wait(DEADLINE_SECONDS) == 0
    assert stage.rig.text("web.1") == b"one\ntwo\nthree\n"
    assert stage.pids == [first.pid]
