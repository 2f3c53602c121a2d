"""state.json and stack.json, as a crash, a full disk or a hand may leave them: never a second copy, never a dead end.

Truncated, empty, deleted, of another shape: tests/supervisor/test_adoption.py.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.faults.killing import assert_one_of_each, await_all_ready, kill_both
from tests.supervisor.programs import Stage
from tests.supervisor.site import Site, process

STEADY = 'say("ready")\nstay()\n'
BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
IMPOSSIBLE = {"name": "web.1", "life": -1, "pid": -1, "start_ticks": 0, "was_ready": True, "restarts": 0, "digest": 0}
MEMORY = {"lives": "many", "scaled": {"web": None}, "instances": {"web.1": {"life": [], "restarts": {}}}}
DAMAGES = {
    "random bytes": os.urandom(5000),
    "zeros, as after a power cut": bytes(4096),
    "half of it": b"half",
    "a deep hole": b"[" * 100_000,
    "every value another": json.dumps({"version": 1, "boot": 5, "memory": "x", "live": {"web.1": 7}}).encode(),
    "numbers that cannot be": json.dumps(
        {"version": 1, "boot": BOOT, "memory": MEMORY, "live": [IMPOSSIBLE, 7, {}]}
    ).encode(),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["state.json", "stack.json"])
def test_no_second_copy(site: Site, stage: Stage, name: str, damage: str) -> None:
    declared = process("web", stage.program(STEADY), replicas=2)
    site.up(declared)
    pids = {said.instance: said.pid for said in stage.hear_all("ready", 2)}
    site.await_saved("web.2")
    kill_both(site)
    path = site.directory / name
    path.write_bytes(path.read_bytes()[:-100] if damage == "half of it" else DAMAGES[damage])
    site.start()
    assert site.up(declared)["done"]
    assert await_all_ready(site) == pids
    assert_one_of_each(site, pids)


def test_a_half_written_file_beside_the_good_one_is_nothing(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY), replicas=2))
    pids = {said.instance: said.pid for said in stage.hear_all("ready", 2)}
    site.await_saved("web.2")
    kill_both(site)
    for name in ("state.json.new", "stack.json.new"):
        (site.directory / name).write_bytes(b'{"version": 1, "bo')
    site.start()
    assert await_all_ready(site) == pids
    assert_one_of_each(site, pids)


def test_all_files_lost(site: Site, stage: Stage) -> None:
    declared = process("web", stage.program(STEADY), replicas=2)
    site.up(declared)
    pids = {said.instance: said.pid for said in stage.hear_all("ready", 2)}
    kill_both(site)
    for path in site.directory.iterdir():
        if path.is_file() or path.is_socket():
            path.unlink()
    site.start()
    assert site.up(declared)["done"]
    assert await_all_ready(site) == pids
    assert_one_of_each(site, pids)
