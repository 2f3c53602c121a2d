"""Taken down while the recorder has died and is not back yet: it ends, and what was said last is written."""

from __future__ import annotations

import os
import signal

from tests.faults.killing import recorder_pid
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, process

LAST_WORDS = """
signal.signal(TERM, lambda *_: (os.write(1, b"last words\\n"), os._exit(0)))
say("ready")
stay()
"""


def test_it_ends_and_no_line_is_lost(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(LAST_WORDS)))
    stage.hear("ready")
    for _ in range(5):  # each time it is waited longer until it is started again: 0.8 s now
        pid = recorder_pid(site)
        os.kill(pid, signal.SIGKILL)
        until(lambda gone=pid: site.status()["supervisor"]["recorder_pid"] != gone)  # type: ignore[misc]
    until(lambda: site.status()["supervisor"]["recorder_pid"] == 0)
    assert site.down()["done"]
    until(lambda: not site.is_recorded())
    assert site.log("web.1") == "last words"
