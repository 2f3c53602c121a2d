"""A log file that takes nothing: a FIFO that nobody reads, a device that is full, one that answers EIO.

The instance never waits, the logs of others go on, and the supervisor does not notice.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from procession.stack.model import Log
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, process

LOUD = """
say("ready")
for number in range(20_000):
    os.write(1, b"line %09d %s\\n" % (number, b"x" * 80))
say("written")
print("the end", flush=True)
stay()
"""


@pytest.mark.parametrize("sink", ["fifo", "/dev/full", "/proc/self/mem"])
def test_nobody_waits_for_it(site: Site, stage: Stage, tmp_path: Path, sink: str) -> None:
    path = tmp_path / "sink"
    if sink == "fifo":
        os.mkfifo(path)
    else:
        path = Path(sink)
    site.up(process("stuck", stage.program(LOUD), log=Log(file=str(path))), process("other", stage.program(LOUD)))
    stage.hear_all("written", 2)
    until(lambda: site.log("other.1").endswith("the end"))
    assert [one["phase"] for one in site.status()["instances"]] == ["ready", "ready"]
    until(lambda: "stuck.1: its lines are being dropped: " in site.log("procession"))
