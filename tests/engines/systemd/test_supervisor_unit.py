"""SUPERVISOR = True: a real systemd runs our supervisor, whose instances survive its restart and its death."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.console.project import await_true
from tests.engines.story import STORY_SECONDS, answer, lives, ok, phases, rows
from tests.engines.systemd.feeds import Feeds
from tests.engines.systemd.machine import booted, needs_machine

pytestmark = [pytest.mark.slow, pytest.mark.root, needs_machine, pytest.mark.timeout(STORY_SECONDS)]
UNIT = "feeds.service"
SUPERVISOR = 'PRODUCTION_STACK["ENGINES"] = {"systemd": {"SUPERVISOR": True}}'
READY = {"web.1": "ready", "web.2": "ready", "worker.1": "ready", "beat.1": "ready"}


def test_instances_survive_what_happens_to_their_supervisor(tmp_path: Path) -> None:
    with booted(tmp_path / "machine") as machine:
        feeds = Feeds(machine, SUPERVISOR)
        ok(feeds, *feeds.begin)
        assert phases(feeds) == READY
        each_has_a_cgroup_of_its_own_in_that_of_the_unit(feeds)
        before = lives(feeds)
        for happen in (kill, restart, upgrade, apply_again):
            pid = said(feeds, "MainPID")
            happen(feeds)
            assert (said(feeds, "MainPID") == pid) is (happen in (upgrade, apply_again))
            assert lives(feeds) == before, happen
        a_port_stays_open_where_no_instance_has_it(feeds)
        ok(feeds, "down")
        assert list(feeds.left()) == []


def said(feeds: Feeds, name: str) -> str:
    return feeds.machine.ok("systemctl", "show", "--value", f"--property={name}", UNIT).strip()


def each_has_a_cgroup_of_its_own_in_that_of_the_unit(feeds: Feeds) -> None:
    for row in rows(feeds):
        name, pid = row["name"], row["pid"]
        (line,) = [
            line for line in feeds.machine.ok("cat", f"/proc/{pid}/cgroup").splitlines() if line.startswith("0::")
        ]
        assert f"/{UNIT}/procession-" in line
        assert f"/{name}-" in line


def kill(feeds: Feeds) -> None:
    pid = said(feeds, "MainPID")
    feeds.machine.ok("kill", "-KILL", pid)
    await_true(
        lambda: said(feeds, "ActiveState") == "active" and said(feeds, "MainPID") not in ("0", pid), "it is back"
    )


def restart(feeds: Feeds) -> None:
    feeds.machine.ok("systemctl", "restart", UNIT)


def upgrade(feeds: Feeds) -> None:
    assert "4 instances adopted" in ok(feeds, "upgrade").err


def apply_again(feeds: Feeds) -> None:
    assert "none changed" in ok(feeds, "apply").out


def a_port_stays_open_where_no_instance_has_it(feeds: Feeds) -> None:
    """No web is there any more when the supervisor dies, so systemd alone has the listener: all are answered."""
    pid = said(feeds, "MainPID")
    feeds.machine.ok("kill", "-STOP", pid)
    for group in feeds.machine.ok("find", "/sys/fs/cgroup", "-type", "d", "-name", "web.?-*").split():
        feeds.machine.ok("sh", "-c", f"echo 1 > {group}/cgroup.kill")
    feeds.machine.ok("kill", "-KILL", pid)
    assert answer(feeds) == 200
