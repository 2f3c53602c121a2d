"""Stopped means gone: children, grandchildren, those that fork on, call setsid, or are deaf to signals."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from procession.stack.model import StopStep
from tests.supervisor.programs import Stage, is_alive, until
from tests.supervisor.site import Site, process

DAEMON = """
def daemon():
    os.setsid()
    for number in (TERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    fork(lambda: (say("daemon"), stay()))
os.waitpid(fork(daemon), 0)
say("ready")
stay()
"""


@pytest.mark.parametrize("ending", ["stop", "death"])
def test_a_deaf_daemon_that_left_its_session_goes_with_its_instance(site: Site, stage: Stage, ending: str) -> None:
    site.up(process("web", stage.program(DAEMON)))
    main, daemon = stage.hear("ready").pid, stage.hear("daemon").pid
    assert os.getsid(daemon) != main
    if ending == "stop":
        assert site.call("stop", {"names": ["web"]})["done"]
    else:
        os.kill(main, signal.SIGKILL)
        stage.hear("ready")  # the next life begins when nothing of this one is left
    assert not is_alive(daemon)


def test_the_daemon_of_a_living_neighbour_is_left_alone(site: Site, stage: Stage) -> None:
    site.up(process("one", stage.program(DAEMON)), process("two", stage.program(DAEMON)))
    daemons = {said.instance: said.pid for said in stage.hear_all("daemon", 2)}
    assert site.call("stop", {"names": ["one"]})["done"]
    assert not is_alive(daemons["one.1"])
    assert is_alive(daemons["two.1"])


def test_a_daemon_without_its_environment_is_known_by_its_parents(site: Site, stage: Stage) -> None:
    body = """
def bare():
    os.setsid()
    os.execve("/bin/sh", ["sh", "-c", "echo bare; exec sleep 1000"], {})
fork(bare)
say("ready")
stay()
"""
    site.up(process("web", stage.program(body), stop=(StopStep("STOP", 0.05),)))
    stage.hear("ready")
    until(lambda: site.log("web.1") == "bare")
    assert site.call("stop", {"names": ["web"]})["done"]
    answer = site.instance("web.1")
    assert answer["last_exit"] == "killed by SIGKILL"


def test_what_forks_as_fast_as_it_can_does_not_outrun_its_end(site: Site, stage: Stage, tmp_path: Path) -> None:
    """Each child forks the next one in a session of its own, and dies: there are few, and never the same."""
    body = """
def on(left):
    os.setsid()
    signal.signal(TERM, signal.SIG_IGN)
    if left == 990:
        say("running")
    if left:
        fork(lambda: on(left - 1))
        time.sleep(0.005)
    os._exit(0)
sys.setrecursionlimit(9000)
for _ in range(5):
    fork(lambda: on(1000))
say("ready")
stay()
"""
    site.up(process("web", stage.program(body)))
    stage.hear_all("running", 5)
    assert site.call("stop", {"names": ["web"]})["done"]
    assert site.instance("web.1")["phase"] == "stopped"  # the fixture looks for what is left


def test_children_that_hold_the_output_do_not_delay_the_next_start(site: Site, stage: Stage) -> None:
    body = 'fork(lambda: (say("child"), stay()))\nsay("ready")\nstay()\n'
    site.up(process("web", stage.program(body)))
    child = stage.hear("child").pid
    os.kill(stage.hear("ready").pid, signal.SIGKILL)
    stage.hear("ready")
    assert not is_alive(child)


def test_orphans_of_a_living_instance_are_reaped(site: Site, stage: Stage) -> None:
    body = """
reading, writing = os.pipe()
os.waitpid(fork(lambda: fork(lambda: os.read(reading, 1))), 0)
signal.signal(signal.SIGUSR1, lambda *_: os.write(writing, b"x"))
say("ready")
stay()
"""
    site.up(process("web", stage.program(body)))
    main = stage.hear("ready").pid
    children = Path(f"/proc/{site.popen.pid}/task/{site.popen.pid}/children")
    recorder = site.status()["supervisor"]["recorder_pid"]
    assert len(children.read_text().split()) == 3  # the main process, the recorder, the orphan
    os.kill(main, signal.SIGUSR1)
    until(lambda: set(children.read_text().split()) == {str(main), str(recorder)})


def test_an_orphan_dies_with_the_supervisor_that_cannot_tell_whose_it_was(site: Site, stage: Stage) -> None:
    body = """
def bare():
    os.setsid()
    fork(lambda: os.execve("/bin/sh", ["sh", "-c", "echo bare; exec sleep 1000"], {}))
os.waitpid(fork(bare), 0)
say("ready")
stay()
"""
    site.up(process("web", stage.program(body)))
    main = stage.hear("ready").pid
    until(lambda: site.log("web.1") == "bare")
    children = Path(f"/proc/{site.popen.pid}/task/{site.popen.pid}/children")
    recorder = site.status()["supervisor"]["recorder_pid"]
    (orphan,) = {int(pid) for pid in children.read_text().split()} - {main, recorder}
    site.down()
    assert not is_alive(orphan)
