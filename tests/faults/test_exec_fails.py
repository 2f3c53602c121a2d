"""A program that cannot be executed: the others do not notice, and it runs as soon as it can."""

from __future__ import annotations

from pathlib import Path

from tests.supervisor.programs import Stage
from tests.supervisor.site import Site, process

STEADY = 'say("ready")\nstay()\n'


def test_it_runs_as_soon_as_it_can(site: Site, stage: Stage, tmp_path: Path) -> None:
    program = tmp_path / "program"
    site.begin(process("web", (str(program),)), process("other", stage.program(STEADY)))
    other = stage.hear("ready", "other.1").pid
    assert site.await_phase("web.1", "backoff")["last_exit"] == f"cannot run {program}: there is no such file"
    made = tmp_path / "made"
    made.write_text("#!/bin/sh\nexec sleep 1000\n")
    made.chmod(0o755)
    made.rename(program)
    site.await_phase("web.1", "ready")
    assert (site.instance("other.1")["pid"], site.instance("other.1")["restarts"]) == (other, 0)
