"""Taken down while an instance crashes again and again: it ends at once, and nothing is started any more."""

from __future__ import annotations

import signal

import pytest

from procession.stack.model import Backoff
from tests.supervisor.programs import Stage
from tests.supervisor.site import QUICK, Site, process

CRASH = 'say("began")\nsys.exit(3)\n'


@pytest.mark.parametrize("backoff", [QUICK, Backoff(first_seconds=3600.0, longest_seconds=3600.0)])
@pytest.mark.parametrize("how", ["down", "SIGTERM"])
def test_it_ends(site: Site, stage: Stage, how: str, backoff: Backoff) -> None:
    site.begin(process("web", stage.program(CRASH), replicas=5, backoff=backoff))
    stage.hear_all("began", 5)
    if how == "down":
        assert site.down()["done"]
    else:
        site.popen.send_signal(signal.SIGTERM)
    assert site.popen.wait(20) == 0
