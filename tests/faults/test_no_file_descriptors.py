"""EMFILE in the supervisor: it cannot open anything more, and still kills trees whole and starts nothing twice.

That what cannot be started is started later shows tests/supervisor/test_control.py.
"""

from __future__ import annotations

import os
import resource
import signal

import pytest

from procession.stack.model import StopStep
from tests.faults.killing import kill_both
from tests.supervisor.programs import Stage, is_alive, until
from tests.supervisor.site import Site, process, wait_for_end

STEADY = 'say("ready")\nstay()\n'
DEAF_CHILD = """
def child():
    os.setsid()
    signal.signal(TERM, signal.SIG_IGN)
    say("child")
    stay()
"""


def take_all_fds(site: Site, *, but: int) -> None:
    """No fd is left to the supervisor, except for so many."""
    used = max(map(int, os.listdir(f"/proc/{site.popen.pid}/fd")))
    resource.prlimit(site.popen.pid, resource.RLIMIT_NOFILE, (used + 1 + but, 4096))


def give_fds(site: Site) -> None:
    resource.prlimit(site.popen.pid, resource.RLIMIT_NOFILE, (4096, 4096))


@pytest.mark.parametrize("daemon", ["child of the main process", "orphan"])
def test_a_tree_is_killed_whole(site: Site, stage: Stage, daemon: str) -> None:
    fork = "os.waitpid(fork(lambda: fork(child)), 0)\n" if daemon == "orphan" else "fork(child)\n"
    site.up(process("web", stage.program(DEAF_CHILD + fork + STEADY), stop=(StopStep("TERM", 0.5),)))
    stage.hear("ready")
    child = stage.hear("child").pid
    client = site.connect()
    take_all_fds(site, but=0)
    assert client.call("stop", {"names": ["web"]})["done"]
    assert not is_alive(child)
    give_fds(site)
    client.close()


def test_no_second_copy_beside_what_is_left(site: Site, stage: Stage) -> None:
    """The main process is killed, its deaf child lives: only when it is gone the next life begins."""
    site.up(process("web", stage.program(DEAF_CHILD + "fork(child)\n" + STEADY)))
    main, child = stage.hear("ready").pid, stage.hear("child").pid
    take_all_fds(site, but=0)
    os.kill(main, signal.SIGKILL)
    wait_for_end(child)
    give_fds(site)
    stage.hear("ready")
    stage.hear("child")


def test_what_cannot_be_adopted_is_not_started_again(site: Site, stage: Stage) -> None:
    """A supervisor that has not fds enough to take over what runs does not begin; the next one takes it over."""
    site.up(process("web", stage.program(STEADY), replicas=12))
    before = {said.instance: said.pid for said in stage.hear_all("ready", 12)}
    site.await_saved("web.12")
    kill_both(site)
    said = site.start(through=("prlimit", "--nofile=20"))
    assert (said["ready"], said["code"]) == (False, 4)
    assert "Too many open files" in said["text"][0]
    assert stage.is_silent_about("ready")
    assert all(map(is_alive, before.values()))
    until(lambda: bool(site.start()["ready"]))  # the recorder tries it, too, now and then
    assert {one["name"]: one["pid"] for one in site.status()["instances"]} == before
    assert stage.is_silent_about("ready")
