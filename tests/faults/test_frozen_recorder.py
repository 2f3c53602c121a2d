"""The recorder hangs (SIGSTOP; a disk that does not answer looks the same): only who writes too much waits."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.faults.killing import recorder_pid
from tests.supervisor.programs import Stage, is_alive, until
from tests.supervisor.site import Site, process

STEADY = 'say("ready")\nstay()\n'
FLOOD = """
say("ready")
for number in range(100_000):
    os.write(1, b"line %09d %s\\n" % (number, b"x" * 80))
    if number == 100:  # 10 kB: a pipe that nobody has widened holds 64 KiB (pipe(7))
        say("flooding")
say("written")
stay()
"""


@pytest.fixture
def frozen(site: Site, stage: Stage) -> Iterator[int]:
    """The pid of the recorder, which is stopped while an instance floods."""
    site.up(process("other", stage.program(STEADY)))
    stage.hear("ready")
    pid = recorder_pid(site)
    os.kill(pid, signal.SIGSTOP)
    site.up(process("flood", stage.program(FLOOD)), process("other", stage.program(STEADY)))
    stage.hear("flooding")
    yield pid
    if is_alive(pid):
        os.kill(pid, signal.SIGCONT)


def test_status_answers_and_others_are_started_again(site: Site, stage: Stage, frozen: int) -> None:
    other = site.instance("other.1")["pid"]
    os.kill(other, signal.SIGKILL)
    assert stage.hear("ready", "other.1").pid != other
    assert site.call("restart", {"names": ["flood"]})["done"]
    assert site.instance("flood.1")["phase"] == "ready"


def test_what_was_said_meanwhile_is_written_when_it_wakes(site: Site, stage: Stage, frozen: int) -> None:
    assert stage.is_silent_about("written")  # its pipe is full, it waits
    os.kill(frozen, signal.SIGCONT)
    stage.hear("written")
    until(lambda: site.log("flood.1").count("\n") == 99_999)
    assert [int(line.split()[1]) for line in site.log("flood.1").splitlines()] == list(range(100_000))


def test_killed_it_is_replaced(site: Site, stage: Stage, frozen: int) -> None:
    os.kill(frozen, signal.SIGKILL)
    stage.hear("written")
    assert site.status()["supervisor"]["recorder_pid"] != frozen


def test_it_is_woken_to_write_what_is_left_when_all_goes_down(site: Site, frozen: int) -> None:
    site.down()
    until(lambda: not is_alive(frozen), "it was left behind")
