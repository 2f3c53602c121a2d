"""A terminal outlives everybody but its instance: supervisor, recorder and holder may be killed while one is at it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.console.attach import connect
from procession.supervisor.linux import terminals
from procession.terminal.words import ENDED, MESSAGE_BYTES_MAX, SHOWN, TYPED
from tests.supervisor.programs import DEADLINE_SECONDS, Stage, is_alive, until
from tests.supervisor.site import Site, process, wait_for_end
from tests.supervisor.test_adoption import kill_both
from tests.terminal.programs import holders

ECHO = """
signal.signal(signal.SIGHUP, lambda *_: say("hung-up"))
say("ready")
while line := sys.stdin.readline():
    print("heard", line.strip().upper(), flush=True)
"""


class Visitor:
    """Somebody who is attached."""

    def __init__(self, site: Site, name: str) -> None:
        self._socket = connect(str(site.directory / "terminal" / name))
        self._socket.settimeout(DEADLINE_SECONDS)
        self._shown = b""

    def close(self) -> None:
        self._socket.close()

    def type(self, line: str) -> None:
        self._socket.sendall(TYPED + line.encode() + b"\n")

    def sees(self, text: str) -> None:
        """Wait until it is shown."""
        while text.encode() not in self._shown:
            message = self._socket.recv(MESSAGE_BYTES_MAX + 1)
            assert message, f"hung up on, having seen {self._shown!r}"
            self._shown += message[1:] if message.startswith(SHOWN) else b""

    def sees_the_end(self) -> None:
        while message := self._socket.recv(MESSAGE_BYTES_MAX + 1):
            if message == ENDED:
                return
        raise AssertionError("hung up on, without a word")


@pytest.fixture
def at_terminal(site: Site, stage: Stage) -> Iterator[Visitor]:
    """At web.1's, whose pid is still to be heard."""
    site.up(process("web", stage.program(ECHO), tty=True))
    visitor = visit(site)
    yield visitor
    visitor.close()
    site.end()
    assert holders(site.directory) == []
    assert list((site.directory / "terminal").iterdir()) == []


def visit(site: Site, name: str = "web.1.1") -> Visitor:
    """As soon as somebody is there."""
    found: list[Visitor] = []

    def is_there() -> bool:
        try:
            found.append(Visitor(site, name))
        except OSError:
            return False
        return True

    until(is_there, "nobody answers at the terminal")
    return found[0]


def test_the_session_goes_on_when_supervisor_and_recorder_are_killed(
    at_terminal: Visitor, site: Site, stage: Stage
) -> None:
    pid, (holder,) = stage.hear("ready").pid, holders(site.directory)
    kill_both(site)
    at_terminal.type("alone")
    at_terminal.sees("heard ALONE")
    site.start()
    assert site.await_phase("web.1", "ready")["pid"] == pid
    at_terminal.type("adopted")
    at_terminal.sees("heard ADOPTED")
    another = visit(site)
    another.sees("heard ADOPTED")
    another.close()
    assert holders(site.directory) == [holder]
    assert stage.is_silent_about("hung-up")
    until(lambda: site.log("web.1").splitlines() == ["alone", "heard ALONE", "adopted", "heard ADOPTED"])


def test_a_killed_holder_is_replaced_and_nothing_is_hung_up(at_terminal: Visitor, site: Site, stage: Stage) -> None:
    pid, (holder,) = stage.hear("ready").pid, holders(site.directory)
    os.kill(holder, signal.SIGKILL)
    wait_for_end(holder)
    next_visitor = visit(site)
    next_visitor.type("again")
    next_visitor.sees("heard AGAIN")
    next_visitor.close()
    assert stage.is_silent_about("hung-up")
    assert site.instance("web.1")["pid"] == pid


def test_with_everybody_killed_the_instance_still_has_its_terminal(
    at_terminal: Visitor, site: Site, stage: Stage
) -> None:
    pid, (holder,) = stage.hear("ready").pid, holders(site.directory)
    kill_both(site)
    os.kill(holder, signal.SIGKILL)
    wait_for_end(holder)
    site.start()
    next_visitor = visit(site)
    next_visitor.type("again")
    next_visitor.sees("heard AGAIN")
    next_visitor.close()
    assert stage.is_silent_about("hung-up")
    assert site.await_phase("web.1", "ready")["pid"] == pid


def test_an_adopted_holder_that_is_killed_is_replaced(at_terminal: Visitor, site: Site, stage: Stage) -> None:
    stage.hear("ready")
    (holder,) = holders(site.directory)
    kill_both(site)
    site.start()
    site.await_phase("web.1", "ready")
    os.kill(holder, signal.SIGKILL)
    wait_for_end(holder)
    next_visitor = visit(site)
    next_visitor.type("again")
    next_visitor.sees("heard AGAIN")
    next_visitor.close()


def test_the_end_is_said_and_the_next_life_has_a_terminal_of_its_own(
    at_terminal: Visitor, site: Site, stage: Stage
) -> None:
    os.kill(stage.hear("ready").pid, signal.SIGKILL)
    at_terminal.sees_the_end()
    stage.hear("ready")
    next_visitor = visit(site, "web.1.2")
    next_visitor.type("again")
    next_visitor.sees("heard AGAIN")
    next_visitor.close()
    until(lambda: len(holders(site.directory)) == 1)


def odd_lines(site: Site) -> str:
    lines = site.log("web.1").splitlines()
    odd = [(n, line) for n, line in enumerate(lines) if line != f"line {n}"]
    return f"{len(lines)} lines; the first that is not as it should be: {odd[:3]}"


def test_no_last_word_is_lost(site: Site, stage: Stage) -> None:
    """What it says as it dies goes through the terminal and the FIFO; more than either holds."""
    body = 'for n in range(20000):\n    print("line", n)\nsys.stdout.flush()\nos._exit(3)\n'
    site.up(process("web", stage.program(body), tty=True, restart="never"))
    until(lambda: site.log("web.1").count("\n") == 19999, lambda: odd_lines(site))
    assert site.log("web.1").splitlines() == [f"line {n}" for n in range(20000)]
    until(lambda: holders(site.directory) == [])


def test_a_stuck_recorder_makes_the_program_wait_and_loses_nothing(site: Site, stage: Stage) -> None:
    body = 'sys.stdin.readline()\nfor n in range(50000):\n    print("line", n)\nsay("said")\nstay()\n'
    site.up(process("web", stage.program(body), tty=True))
    recorder = site.status()["supervisor"]["recorder_pid"]
    visitor = visit(site)
    os.kill(recorder, signal.SIGSTOP)
    visitor.type("go")
    visitor.sees("line 1000")
    os.kill(recorder, signal.SIGCONT)
    stage.hear("said")
    visitor.close()
    until(lambda: site.log("web.1").count("\n") == 50000, lambda: site.log("web.1")[-300:])
    assert site.log("web.1").splitlines()[1:] == [f"line {n}" for n in range(50000)]


def test_it_is_an_ordinary_terminal(site: Site, stage: Stage) -> None:
    """Controlling terminal, foreground group, type, window; and lines in the log end in LF all the same."""
    body = """
with open("/dev/tty", "w") as terminal:
    print("by /dev/tty", file=terminal)
print(os.isatty(0), os.isatty(1), os.isatty(2), os.tcgetpgrp(0) == os.getpid(), os.getsid(0) == os.getpid(), flush=True)
print(os.environ["TERM"] != "", *os.get_terminal_size(0), flush=True)
stay()
"""
    site.up(process("web", stage.program(body), tty=True))
    until(lambda: "24" in site.log("web.1"), lambda: site.log("web.1"))
    assert site.log("web.1").splitlines() == ["by /dev/tty", "True True True True True", "True 80 24"]
    assert b"\r" not in (site.directory / "log" / "web.1.log").read_bytes()


def test_the_tree_goes_with_its_terminal(site: Site, stage: Stage) -> None:
    """What has left the session, and ignores everything, has the terminal open still."""
    body = """
def daemon():
    os.setsid()
    signal.signal(TERM, signal.SIG_IGN)
    fork(lambda: (say("daemon"), stay()))
os.waitpid(fork(daemon), 0)
say("ready")
stay()
"""
    site.up(process("web", stage.program(body), tty=True))
    daemon = stage.hear("daemon").pid
    site.down()
    assert not is_alive(daemon)
    assert holders(site.directory) == []


def test_a_program_that_is_not_there_leaves_no_holder(site: Site) -> None:
    site.up(process("web", ("/does/not/exist",), tty=True, restart="never"))
    until(lambda: holders(site.directory) == [])
    assert "there is no such file" in site.instance("web.1")["last_exit"]


@pytest.mark.root
def test_another_user_can_open_its_terminal(site: Site, tmp_path: Path) -> None:
    """`/dev/stdout`, as a program does that wants a path to log to."""
    code = "import sys; print('by path', file=open('/dev/stdout', 'w')); sys.stdin.readline()"
    site.up(process("web", ("/usr/bin/python3", "-I", "-S", "-c", code), tty=True, user="nobody"))
    until(lambda: "by path" in site.log("web.1"), lambda: site.log("web.1"))


@pytest.mark.root
def test_another_user_is_hung_up_on(at_terminal: Visitor, site: Site) -> None:
    """Even where somebody has opened the folder to all."""
    at_terminal.type("hello")
    folder = site.directory / "terminal"
    folder.chmod(0o755)
    (folder / "web.1.1").chmod(0o666)
    pid = os.fork()
    if pid == 0:
        os.chdir(folder)
        os.setresuid(65534, 65534, 65534)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
            stranger.connect("web.1.1")
            os._exit(7 if stranger.recv(MESSAGE_BYTES_MAX) == b"" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_take_master_is_refused_for_what_has_none() -> None:
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as without:
        with pytest.raises(ProcessLookupError, match="it has no terminal any more"):
            terminals.take_master(without.pid)
        without.kill()
