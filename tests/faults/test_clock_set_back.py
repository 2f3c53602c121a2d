"""The wall clock is set back a year while everything runs: it stamps lines and events, and nothing else hangs on it.

The clock is that of libfaketime for the supervisor, its recorder and its instances; the machine's own stays.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from procession.stack.model import Backoff, Log, Probe, ProbeType, StopStep
from tests.faults.killing import await_all_ready
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, process

QUICKLY = (StopStep("TERM", 0.2),)
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
TALK = """
signal.signal(signal.SIGUSR1, lambda *_: (print("the year is", time.gmtime().tm_year, flush=True), say("said")))
signal.signal(TERM, signal.SIG_IGN)
say("ready")
stay()
"""

pytestmark = pytest.mark.skipif(not LIBRARIES, reason="needs libfaketime")


class Clock:
    """What the time is, for whoever has this environment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.environment = {
            "LD_PRELOAD": str(LIBRARIES[-1]),
            "FAKETIME_TIMESTAMP_FILE": str(path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, offset: str) -> None:
        new = self._path.with_suffix(".new")
        new.write_text(offset)
        new.rename(self._path)


@pytest.fixture
def clock(site: Site, tmp_path: Path) -> Clock:
    """The clock of a supervisor that has begun with the real time."""
    clock = Clock(tmp_path / "clock")
    clock.set("+0y")
    site.start(environment=clock.environment)
    return clock


def test_deaths_stops_and_probes_go_on(site: Site, stage: Stage, clock: Clock) -> None:
    probe = Probe(type=ProbeType.TCP, address="127.0.0.1:1", interval_seconds=0.05, within_seconds=0.5)
    backoff = Backoff(first_seconds=0.2)
    late = process("late", stage.program(TALK), readiness=probe, stop=QUICKLY)
    site.up(process("web", stage.program(TALK), backoff=backoff, stop=QUICKLY))
    first = stage.hear("ready").pid
    clock.set("-1y")
    os.kill(first, signal.SIGKILL)
    assert stage.hear("ready").pid != first  # after its backoff
    assert site.call("restart", {"names": ["web"]})["done"]  # deaf to SIGTERM: after the ladder's time
    stage.hear("ready")
    assert site.status()["supervisor"]["uptime_seconds"] >= 0
    assert site.call("apply", {"stack": _with(site, late), "wait": False})["done"]
    until(lambda: site.instance("late.1")["restarts"] > 0)  # not ready within its time: started again


def _with(site: Site, *more: object) -> object:
    from procession.stack.codec import to_data

    site.processes = (*site.processes, *more)  # type: ignore[arg-type]
    return to_data(site.stack())


def test_lines_are_kept_and_a_log_is_rotated(site: Site, stage: Stage, clock: Clock) -> None:
    site.up(process("web", stage.program(TALK), log=Log(max_age_seconds=3600), stop=QUICKLY))
    pid = stage.hear("ready").pid
    years = []
    for offset in ("+0y", "-1y", "-2y", "+1y"):
        clock.set(offset)
        os.kill(pid, signal.SIGUSR1)
        stage.hear("said")
        years.append(offset)
    logs = site.directory / "log"
    until(lambda: sum(path.read_text().count("the year is") for path in logs.glob("web.1.log*")) == len(years))


def test_a_killed_supervisor_takes_over(site: Site, stage: Stage, clock: Clock) -> None:
    site.up(process("web", stage.program(TALK), replicas=2, stop=QUICKLY))
    pids = {said.instance: said.pid for said in stage.hear_all("ready", 2)}
    clock.set("-1y")
    site.popen.kill()
    site.popen.wait()
    assert await_all_ready(site) == pids
    ages = [view["uptime_seconds"] for view in site.status()["instances"]]
    assert all(0 <= age < 3600 for age in ages)
