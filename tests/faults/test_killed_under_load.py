"""kill -9 of the supervisor, the recorder, or both, under load and 10,000 numbered log lines a second from each
instance: no request fails, no line is lost or doubled, there is exactly one of each instance afterwards.
"""

from __future__ import annotations

import os
import signal
import time

import pytest

from procession.stack.model import Listener, Log
from tests.faults.killing import assert_one_of_each, await_all_ready, kill_both, kill_supervisor, recorder_pid
from tests.faults.load import SERVE, Load
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, milliseconds_since, process
from tests.supervisor.test_listeners import free_port

WHOLE = Log(max_size_bytes=1 << 30)  # not rotated: the lines are counted in one file


def serve(site: Site, stage: Stage) -> tuple[int, dict[str, int]]:
    """Two instances on one port; the port, and the pid of each."""
    port, argv = free_port(), stage.program(SERVE)
    site.up(process("web", argv, handoff=argv, listeners=(Listener(f"127.0.0.1:{port}"),), replicas=2, log=WHOLE))
    return port, {said.instance: said.pid for said in stage.hear_all("ready", 2)}


def assert_no_line_is_lost(site: Site) -> None:
    """After `down`. The very last line may be cut by the end of its writer."""
    until(lambda: not site.is_recorded())
    for instance in ("web.1", "web.2"):
        lines = (site.directory / "log" / f"{instance}.log").read_text().splitlines()[:-1]
        assert len(lines) > 1000
        assert [line.partition(" ")[2] for line in lines] == [f"line {number:09d}" for number in range(len(lines))]


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["supervisor", "recorder", "both"])
def test_nothing_is_lost(site: Site, stage: Stage, victim: str) -> None:
    port, pids = serve(site, stage)
    with Load(port) as load:
        for _ in range(3):
            load.go_on()
            began = time.monotonic()
            kill(site, victim)
            assert site.status()["supervisor"]["pid"]
            assert milliseconds_since(began) < 5000, "control came back late"  # 1 s where nobody else needs the CPU
            load.go_on()
            assert await_all_ready(site) == pids
            assert_one_of_each(site, pids)
    assert load.failed == []
    site.down()
    assert_no_line_is_lost(site)


def kill(site: Site, victim: str) -> None:
    if victim == "supervisor":
        kill_supervisor(site)
    elif victim == "recorder":
        os.kill(recorder_pid(site), signal.SIGKILL)
    else:
        kill_both(site)
        site.start()
