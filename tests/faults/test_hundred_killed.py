"""A hundred instances killed at once: `status` answers while they come back."""

from __future__ import annotations

import os
import signal

from tests.faults.killing import assert_one_of_each, await_all_ready
from tests.supervisor.programs import Stage
from tests.supervisor.site import Site, process

STEADY = 'say("ready")\nstay()\n'


def test_status_answers_meanwhile(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY), replicas=100))
    pids = {said.pid for said in stage.hear_all("ready", 100)}
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    missing = 100
    while missing:
        views = site.status()["instances"]
        assert len(views) == 100
        missing = sum(view["phase"] != "ready" or view["pid"] in pids for view in views)
    assert_one_of_each(site, await_all_ready(site))
