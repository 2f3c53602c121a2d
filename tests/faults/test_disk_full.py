"""ENOSPC where the stack directory is: logs, history and state cannot be written, and supervision goes on."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.faults.disk import Disk
from tests.faults.killing import assert_one_of_each, await_all_ready, kill_both, kill_supervisor
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, process

pytestmark = pytest.mark.root
CHATTY = 'print("x" * 3000, flush=True)\nsay("ready")\nstay()\n'


def test_what_dies_is_started_and_what_is_asked_is_done(disk: Disk, site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(CHATTY), replicas=3))
    pids = {said.instance: said.pid for said in stage.hear_all("ready", 3)}
    disk.fill()
    os.kill(pids["web.1"], signal.SIGKILL)
    stage.hear("ready", "web.1")
    assert site.call("scale", {"counts": {"web": 4}})["done"]
    assert site.call("restart", {"names": ["web.2"]})["done"]
    assert site.call("stop", {"names": ["web.3"]})["done"]
    assert [one["phase"] for one in site.status()["instances"]] == ["ready", "ready", "stopped", "ready"]


def test_what_could_not_be_written_is_written_when_there_is_room(disk: Disk, site: Site, stage: Stage) -> None:
    """Nothing more happens in between: the state is up to date by itself."""
    declared = process("web", stage.program(CHATTY))
    site.up(declared)
    stage.hear("ready")
    site.await_saved("web.1")
    disk.fill()
    site.up(declared, process("other", stage.program(CHATTY)))
    stage.hear("ready", "other.1")
    disk.make_room()
    site.await_saved("other.1")
    until(
        lambda: "other" in [one["name"] for one in json.loads((site.directory / "stack.json").read_text())["processes"]]
    )


def test_a_killed_supervisor_comes_back(disk: Disk, site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(CHATTY), replicas=3))
    pids = {said.instance: said.pid for said in stage.hear_all("ready", 3)}
    site.await_saved("web.3")
    disk.fill()
    kill_supervisor(site)
    assert await_all_ready(site) == pids
    assert_one_of_each(site, pids)


def test_both_killed_and_begun_again(disk: Disk, site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(CHATTY), replicas=3))
    pids = {said.instance: said.pid for said in stage.hear_all("ready", 3)}
    site.await_saved("web.3")
    disk.fill()
    kill_both(site)
    site.start()
    assert await_all_ready(site) == pids
    until(site.is_recorded)
    assert_one_of_each(site, pids)


def test_a_supervisor_begins_and_ends_on_a_full_disk(disk: Disk, site: Site, stage: Stage) -> None:
    disk.fill()
    site.up(process("web", stage.program(CHATTY)))
    stage.hear("ready")
    assert site.down()["done"]
