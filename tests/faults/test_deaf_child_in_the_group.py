"""The main process ends on SIGTERM, a child in its process group ignores it: `stop` means that both are gone."""

from __future__ import annotations

import pytest

from tests.supervisor.programs import Stage, is_alive
from tests.supervisor.site import Site, process

FAMILY = """
def child():
    signal.signal(TERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    say("child")
    stay()
fork(child)
signal.signal(TERM, lambda *_: os._exit(0))
say("ready")
stay()
"""


@pytest.mark.parametrize("verb", ["stop", "restart", "down"])
def test_both_are_gone(site: Site, stage: Stage, verb: str) -> None:
    site.up(process("web", stage.program(FAMILY)))
    main, child = stage.hear("ready").pid, stage.hear("child").pid
    answer = site.down() if verb == "down" else site.call(verb, {"names": ["web"]})
    assert answer["done"]
    assert not is_alive(main)
    assert not is_alive(child)
