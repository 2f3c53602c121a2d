"""The supervisor is killed in the middle of a `down`: the next one goes on with that, and starts nothing."""

from __future__ import annotations

import os
import signal

from procession.stack.model import StopStep
from tests.faults.killing import kill_both, kill_supervisor
from tests.supervisor.programs import DEADLINE_SECONDS, Stage, is_alive, until
from tests.supervisor.site import Site, process, wait_for_end

SLOW = """
signal.signal(TERM, lambda *_: say("asked"))
signal.signal(signal.SIGUSR1, lambda *_: os._exit(0))
say("ready")
stay()
"""
LONG = (StopStep("TERM", DEADLINE_SECONDS * 10),)


def begin_down(site: Site, stage: Stage) -> int:
    """`down` is under way, and waits for one that takes its time; its pid."""
    site.up(process("slow", stage.program(SLOW), stop=LONG), process("quick", stage.program('say("ready")\nstay()\n')))
    pid = {said.instance: said.pid for said in stage.hear_all("ready", 2)}["slow.1"]
    site.call("down", {"wait": False})
    stage.hear("asked")
    site.await_phase("quick.1", "stopped")
    until(lambda: '"ending":true' in (site.directory / "state.json").read_text())
    return pid


def test_it_goes_down_to_its_end(site: Site, stage: Stage) -> None:
    pid = begin_down(site, stage)
    kill_supervisor(site)
    stage.hear("asked")  # by the next one
    os.kill(pid, signal.SIGUSR1)
    wait_for_end(pid)
    until(lambda: not site.is_supervised() and not site.is_recorded())
    assert stage.is_silent_about("ready")


def test_up_is_a_newer_wish(site: Site, stage: Stage) -> None:
    pid = begin_down(site, stage)
    kill_both(site)
    site.start()
    assert site.await_phase("slow.1", "ready")["pid"] == pid
    assert stage.hear("ready").instance == "quick.1"
    assert is_alive(pid)
    site.call("down", {"wait": False})
    stage.hear("asked")
    os.kill(pid, signal.SIGUSR1)
    wait_for_end(pid)
