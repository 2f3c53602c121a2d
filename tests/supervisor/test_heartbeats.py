"""A program that touches its heartbeat, and one that stops doing so."""

from __future__ import annotations

import os
import pwd
import signal
from pathlib import Path

import pytest

from procession.stack.model import Probe, ProbeType
from procession.supervisor.linux import heartbeats
from procession.supervisor.linux.heartbeats import Pulse
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, process

BEATS = """
path = os.environ["PROCESSION_HEARTBEAT"]
def beat(*_):
    os.utime(path)
def stop(*_):
    signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGALRM, beat)
signal.signal(signal.SIGUSR1, stop)
print(path, os.stat(path).st_uid, oct(os.stat(path).st_mode), flush=True)
if "beats" in sys.argv:
    beat()
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
say("up")
while True:
    signal.pause()
"""
PROBE = Probe(type=ProbeType.HEARTBEAT, max_age_seconds=2.0, interval_seconds=0.05, failures=1)


def test_who_stops_to_beat_is_started_again(site: Site, stage: Stage) -> None:
    site.up(process("worker", (*stage.program(BEATS), "beats"), liveness=PROBE))
    pid = stage.hear("up").pid
    os.kill(pid, signal.SIGUSR1)
    assert stage.hear("up").pid != pid
    assert site.instance("worker.1")["last_exit"].endswith("stopped because it hung: no heartbeat for 2 s")


def test_who_never_beat_is_not_judged(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    heartbeats.make(str(beat), os.geteuid(), os.getegid())
    pulse = Pulse(str(beat), Probe(type=ProbeType.HEARTBEAT, max_age_seconds=1e-9))
    assert pulse.look() == (True, "no heartbeat yet")
    assert pulse.look() == (True, "no heartbeat yet")
    os.utime(beat)
    assert pulse.look() == (True, "heartbeat")
    assert pulse.look() == (False, "no heartbeat for 0 s")
    os.utime(beat, (0, 4e9))  # somebody has set the clock: it beats all the same
    assert pulse.look()[0]
    beat.unlink()
    assert pulse.look() == (True, "heartbeat: no such file or directory")


def test_its_file_is_there_for_as_long_as_the_life(site: Site, stage: Stage) -> None:
    site.up(process("worker", stage.program(BEATS), liveness=PROBE))
    pid = stage.hear("up").pid
    until(lambda: bool(site.log("worker.1")))
    first = site.log("worker.1").split()[0]
    assert os.path.exists(first)
    os.kill(pid, signal.SIGKILL)
    stage.hear("up")
    until(lambda: not os.path.exists(first))
    site.down()
    assert not os.path.exists(os.path.dirname(first))


def test_without_such_a_probe_there_is_none(site: Site, stage: Stage) -> None:
    body = 'say("none" if "PROCESSION_HEARTBEAT" not in os.environ else "one")\nstay()'
    site.up(process("worker", stage.program(body)))
    stage.hear("none")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_another_user_can_beat(site: Site) -> None:
    script = 'touch "$PROCESSION_HEARTBEAT" && stat -c "%u %a beaten" "$PROCESSION_HEARTBEAT"; exec sleep 1000'
    site.up(process("worker", ("sh", "-c", script), liveness=PROBE, user="nobody"))
    until(lambda: "beaten" in site.log("worker.1"))
    assert site.log("worker.1") == f"{pwd.getpwnam('nobody').pw_uid} 600 beaten"
