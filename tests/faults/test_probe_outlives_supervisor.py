"""An exec probe's command is under way when everything is killed: the next supervisor does not take it for the
instance, and does not leave it behind.
"""

from __future__ import annotations

import pytest

from procession.stack.model import Probe, ProbeType
from tests.faults.killing import assert_one_of_each, await_all_ready, kill_both
from tests.supervisor.programs import Stage, is_alive
from tests.supervisor.site import Site, process

STEADY = 'say("ready")\nstay()\n'


@pytest.mark.parametrize("state", ["kept", "lost"])
def test_it_is_not_the_instance(site: Site, stage: Stage, state: str) -> None:
    command = stage.program('say("probe")\nstay()\n')
    probe = Probe(type=ProbeType.EXEC, command=command, interval_seconds=0.05, timeout_seconds=3600.0)
    site.up(*(process(f"web{n}", stage.program(STEADY), liveness=probe) for n in range(4)))
    pids = {said.instance: said.pid for said in stage.hear_all("ready", 4)}
    probes = [said.pid for said in stage.hear_all("probe", 4)]
    site.await_saved("web3.1")
    kill_both(site)
    if state == "lost":
        (site.directory / "state.json").unlink()
    site.start()
    assert await_all_ready(site) == pids
    assert_one_of_each(site, pids)
    site.down()
    assert not any(map(is_alive, probes))
