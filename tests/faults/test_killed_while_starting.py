"""kill -9 of the supervisor while it starts or restarts twenty instances: each is there once afterwards."""

from __future__ import annotations

import pytest

from procession.stack.codec import to_data
from procession.stack.model import Probe, ProbeType
from tests.faults.killing import assert_one_of_each, await_all_ready, kill_supervisor
from tests.supervisor.programs import Stage, marked, until
from tests.supervisor.site import Site, process

STEADY = 'say("ready")\nstay()\n'


@pytest.mark.parametrize("started", [1, 7, 19])
def test_each_is_there_once(site: Site, stage: Stage, started: int) -> None:
    site.start()
    site.processes = (process("web", stage.program(STEADY), replicas=20),)
    assert site.call("apply", {"stack": to_data(site.stack()), "wait": False})["done"]
    until(lambda: len(marked(site.directory)) >= started)
    kill_supervisor(site)
    pids = await_all_ready(site)
    assert len(pids) == 20
    assert_one_of_each(site, pids)


def test_killed_again_and_again(site: Site, stage: Stage) -> None:
    """A supervisor that dies at once is started again ever later, and still takes all over."""
    site.up(process("web", stage.program(STEADY), replicas=20))
    before = {said.instance: said.pid for said in stage.hear_all("ready", 20)}
    for _ in range(3):
        kill_supervisor(site)
    assert await_all_ready(site) == before
    assert_one_of_each(site, before)


def test_killed_during_a_restart(site: Site, stage: Stage) -> None:
    """What was asked for is carried out to its end, or not begun; each is there once either way."""
    late = Probe(type=ProbeType.NONE)
    site.up(process("web", stage.program(STEADY), replicas=10, readiness=late))
    stage.hear_all("ready", 10)
    client = site.connect()
    client.ask("restart", {"names": ["web"]})
    stage.hear("ready")
    kill_supervisor(site)
    client.close()
    pids = await_all_ready(site)
    assert len(pids) == 10
    assert_one_of_each(site, pids)
