"""A real supervisor has something to tell: to a real SMTP server, and to a real web server."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from procession.stack.model import Probe, ProbeType, Process, Stack
from tests.alerts.shop import QUICK_TO_DIE, SETTINGS, Shop
from tests.faults.disk import Disk
from tests.faults.killing import kill_supervisor
from tests.supervisor.programs import Stage, is_alive, until
from tests.supervisor.site import Site, process

DEATHS = 30
# Dies with its last words, until the file is there.
DIES = """
say("born")
if os.path.exists({mended!r}):
    stay()
print("password=hunter2 is no secret here", flush=True)
print("\\x1b[2Jcannot \\u202e<b>reach</b> the till", flush=True)
sys.exit(3)
"""


def dying(stage: Stage, mended: Path, **fields: Any) -> Process:
    """It is ready when it is mended, and not before, however long it takes to die."""
    ready = Probe(type=ProbeType.FILE, file=str(mended), interval_seconds=0.05)
    argv = stage.program(DIES.format(mended=str(mended)))
    return process("web", argv, readiness=ready, backoff=QUICK_TO_DIE, **fields)


def test_a_crash_loop_is_one_alert_and_one_recovery(shop: Shop, stage: Stage, tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    shop.up(dying(stage, mended, replicas=2), email=("admins", "ops@example.com"), lines=2)
    stage.hear_all("born", DEATHS)
    mended.touch()
    opened, recovered = shop.inbox.post(), shop.inbox.post()
    assert [one["state"] for one in (*opened["alerts"], *recovered["alerts"])] == ["open", "recovered"]
    assert opened["alerts"][0]["id"] == recovered["alerts"][0]["id"] == "web-1"
    first, second = shop.inbox.take("smtp"), shop.inbox.take("smtp")
    assert first["headers"]["Subject"] == "[shop] web is crash-looping"
    assert second["headers"]["Subject"].startswith("[shop] web recovered after ")
    assert first["to"] == ["ops@example.com", "dev@example.com"]
    assert first["type"] == "text/plain"
    assert "        \\x1b[2Jcannot \\u202e<b>reach</b> the till\n" in first["text"]
    assert "password=[hidden] is no secret here" in first["text"]
    assert shop.site.down()["done"]
    assert shop.inbox.rest() == []


def test_what_waits_at_down_is_told_before_the_end(shop: Shop, stage: Stage, tmp_path: Path) -> None:
    shop.up(dying(stage, tmp_path / "never"), collect_seconds=3600.0)
    until(lambda: bool(shop.alerts()["open"]))
    assert shop.site.down()["done"]
    assert [one["state"] for one in shop.inbox.post()["alerts"]] == ["open", "stopped"]


def test_a_killed_supervisor_tells_nothing_twice(shop: Shop, stage: Stage, tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    shop.up(dying(stage, mended))
    opened = shop.inbox.post()
    for _ in range(3):
        kill_supervisor(shop.site)
        stage.hear_all("born", 4)  # it is crash-looping once more, for the next supervisor
    mended.touch()
    recovered = shop.inbox.post()
    assert [one["alerts"][0]["state"] for one in (opened, recovered)] == ["open", "recovered"]
    assert opened["alerts"][0]["id"] == recovered["alerts"][0]["id"]
    assert shop.site.down()["done"]
    assert shop.inbox.rest() == []


def test_what_is_sent_while_the_supervisor_dies_is_sent_once(shop: Shop, stage: Stage, tmp_path: Path) -> None:
    """The child goes on, and its report is read by the next supervisor."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    settings = shop.folder / "shopsettings.py"
    settings.write_text(f"{settings.read_text()}\nopen({str(gate)!r}).read()\n")
    shop.up(dying(stage, tmp_path / "never"), webhook=(), email=("admins",))
    with gate.open("w"):  # which opens when the child is there
        kill_supervisor(shop.site)
        until(lambda: bool(shop.alerts()["open"]))
    assert shop.inbox.take("smtp")["headers"]["Subject"] == "[shop] web is crash-looping"
    shop.await_event("alert-sent")
    settings.write_text(SETTINGS.format(port=shop.inbox.smtp))
    assert shop.site.down()["done"]
    assert "was stopped" in shop.inbox.take("smtp")["headers"]["Subject"]
    assert shop.inbox.rest() == []


def test_what_is_refused_is_tried_again_by_that_channel_alone(shop: Shop, stage: Stage, tmp_path: Path) -> None:
    """And shown: in `status`, and in the history."""
    moved = shop.inbox.url.replace("/alerts", "/moved")
    shop.inbox.refuse()
    shop.up(dying(stage, tmp_path / "never"), webhook=(shop.inbox.url, moved))
    until(lambda: bool(shop.alerts()["undelivered"]))
    trouble = shop.alerts()["undelivered"][0]["trouble"]
    redirected = "it answered 302, a redirect, which is not followed: write the address that it leads to"
    assert trouble == {"webhook 127.0.0.1": "it answered 503", "webhook 127.0.0.1 (2)": redirected}
    refused = shop.inbox.take("http", taken=False, path="/alerts")
    assert shop.await_event("alert-not-sent")[0].detail["why"] == trouble
    shop.inbox.accept()
    shop.make_due()
    assert shop.inbox.post()["id"] == json.loads(refused["body"])["id"]
    assert shop.await_event("alert-sent")[0].detail["by"] == ["webhook 127.0.0.1"]
    assert [got["path"] for got in shop.inbox.rest()] == ["/moved", "/moved"]


def test_a_sender_that_hangs_holds_up_nothing(shop: Shop, stage: Stage, tmp_path: Path) -> None:
    slow = shop.inbox.url.replace("/alerts", "/slow")
    shop.up(dying(stage, tmp_path / "never"), webhook=(shop.inbox.url, slow))
    assert shop.inbox.post()["alerts"][0]["state"] == "open"
    sender = shop.sender()
    assert shop.site.status()["instances"]
    assert shop.site.down()["done"]  # which kills it
    assert not is_alive(sender)


@pytest.mark.root
def test_a_full_disk_is_told(disk: Disk, shop: Shop, stage: Stage) -> None:
    chatty = 'import time\nsay("ready")\nwhile True:\n    print("x" * 3000, flush=True)\n    time.sleep(0.02)\n'
    shop.up(process("web", stage.program(chatty)))
    stage.hear("ready")
    shop.site.await_saved("web.1")
    disk.fill()
    opened = shop.inbox.post()
    assert opened["title"] == "[shop] the disk is full"
    assert opened["alerts"][0]["troubles"][0]["said"] == "No space left on device"
    disk.make_room()
    assert shop.inbox.post()["title"].startswith("[shop] the disk has room again after ")
    assert shop.site.down()["done"]
    assert shop.inbox.rest() == []


def test_unready_and_ready_again(shop: Shop, stage: Stage, tmp_path: Path) -> None:
    sick = tmp_path / "sick"
    asks = Probe(type=ProbeType.EXEC, command=("test", "!", "-e", str(sick)), interval_seconds=0.05, failures=2)
    shop.up(process("web", stage.program('say("ready")\nstay()\n'), readiness=asks))
    shop.site.await_phase("web.1", "ready")
    sick.touch()
    assert shop.inbox.post()["alerts"][0]["kinds"] == ["unready"]
    sick.unlink()
    assert shop.inbox.post()["alerts"][0]["state"] == "recovered"


def test_without_alerts_nothing_of_it_is_there(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program("stay()")))
    assert "alerts" not in site.status()["supervisor"]
    assert not (site.directory / "alerts.json").exists()


def test_taken_out_of_the_declaration(shop: Shop, stage: Stage, tmp_path: Path) -> None:
    web = dying(stage, tmp_path / "never")
    shop.up(web, collect_seconds=3600.0)
    until(lambda: bool(shop.alerts()["open"]))
    assert shop.apply(Stack(name="shop", directory="/", processes=(web,)), wait=False)["done"]
    until(lambda: "alerts" not in shop.site.status()["supervisor"])
    assert not (shop.site.directory / "alerts.json").exists()
    assert shop.site.down()["done"]
    assert shop.inbox.rest() == []
