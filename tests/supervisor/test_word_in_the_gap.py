"""An instance says that it is ready while no supervisor hears it: the next one knows, and ends nothing that serves."""

from __future__ import annotations

import os
import signal

import pytest

from procession.stack.model import Probe, ProbeType
from tests.faults.killing import kill_both, kill_supervisor
from tests.supervisor.programs import DEADLINE_SECONDS, Stage, until
from tests.supervisor.site import Site, process

NEVER = Probe(type=ProbeType.APP, within_seconds=DEADLINE_SECONDS * 100)
TELL_WHEN_ASKED = """
import socket
def tell(*_):
    address = os.environ["PROCESSION_NOTIFY"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto(b"READY=1", address.replace("@", "\\0", 1))
            say("told")
        except OSError:
            say("unheard")
signal.signal(signal.SIGUSR1, tell)
say("up")
stay()
"""


def begin(site: Site, stage: Stage, readiness: Probe) -> int:
    site.begin(process("web", stage.program(TELL_WHEN_ASKED), readiness=readiness))
    return stage.hear("up").pid


def test_the_recorder_keeps_what_is_said(site: Site, stage: Stage) -> None:
    pid = begin(site, stage, NEVER)
    tell_in_a_gap(site, stage, pid)


@pytest.mark.parametrize("times", [1, 2])
def test_each_supervisor_hears_on_the_same_socket(site: Site, stage: Stage, times: int) -> None:
    pid = begin(site, stage, NEVER)
    for _ in range(times):
        own = kill_supervisor(site)
        assert site.status()["supervisor"]["pid"] != own
    os.kill(pid, signal.SIGUSR1)
    assert stage.hear("told").pid == pid
    assert site.await_phase("web.1", "ready")["pid"] == pid


def test_the_recorder_that_was_killed_meanwhile_keeps_it_too(site: Site, stage: Stage) -> None:
    pid = begin(site, stage, NEVER)
    first = site.status()["supervisor"]["recorder_pid"]
    os.kill(first, signal.SIGKILL)
    until(lambda: site.status()["supervisor"]["recorder_pid"] not in (0, first))
    until(site.is_recorded)
    tell_in_a_gap(site, stage, pid)


def tell_in_a_gap(site: Site, stage: Stage, pid: int) -> None:
    recorder = site.status()["supervisor"]["recorder_pid"]
    os.kill(recorder, signal.SIGSTOP)  # so that there is a gap
    site.popen.kill()
    site.popen.wait()
    os.kill(pid, signal.SIGUSR1)
    assert stage.hear("told").pid == pid
    os.kill(recorder, signal.SIGCONT)
    assert site.await_phase("web.1", "ready")["pid"] == pid


def test_a_word_that_is_lost_ends_nothing(site: Site, stage: Stage) -> None:
    """Supervisor and recorder are dead, so nobody keeps it: at its deadline it counts as ready."""
    pid = begin(site, stage, NEVER)
    kill_both(site)
    stack = site.directory / "stack.json"
    stack.write_text(stack.read_text().replace(f'"within_seconds":{NEVER.within_seconds}', '"within_seconds":0.1'))
    os.kill(pid, signal.SIGUSR1)
    assert stage.hear("unheard").pid == pid
    site.start()
    assert site.await_phase("web.1", "ready", "stopping", "backoff")["phase"] == "ready"
    assert site.instance("web.1")["pid"] == pid
