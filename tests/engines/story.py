"""One story for every engine: the feed reader is applied, serves, is killed, rolled, scaled, and leaves nothing.

An engine's test makes a Place, where the site is and the commands are typed, and tells the story there.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import pytest

from tests.console.project import Ended, await_true
from tests.e2e.load import Load

STORY_SECONDS = 900  # Celery takes its time to start and to stop, more so on a busy machine; only ever fails a test
FETCH_SECONDS = 2  # of FETCH_SECONDS, the feed reader's variable: how often beat has the feeds fetched
PROCESSES = ("web", "worker", "beat")
REQUESTS = 100  # under load, before a roll and after it
SENT = re.compile(r"Sending due task fetch-all")
DONE = re.compile(r"feeds\.tasks\.fetch_all\[([0-9a-f-]+)\] succeeded")


class Place(Protocol):
    """Where the story is told. The declaration there is the feed reader's, with two replicas of web."""

    begin: tuple[str, ...]  # ("apply", "--engine", "systemd")
    port: int  # where the site answers, on this machine

    def procession(self, *words: str) -> Ended:
        """`procession WORDS`, typed in the site's folder."""

    def kill(self, instance: str) -> None:
        """SIGKILL to the main process of that instance, as if by the kernel."""

    def release(self, *, boots: bool) -> None:
        """The code that the next start runs; what runs now does not change."""

    def left(self) -> Iterable[str]:
        """What of the site is still on the machine: processes, units, containers, sockets; a line for each."""


def tell(place: Place) -> None:
    ok(place, *place.begin)
    assert phases(place) == {"web.1": "ready", "web.2": "ready", "worker.1": "ready", "beat.1": "ready"}
    assert answer(place) == 200
    await_true(lambda: bool(done(place)), "beat asks for a task, and the worker does it")
    for name in ("web.1", "worker.1", "beat.1"):
        comes_back(place, name)
    a_restart_changes_nobody_else(place)
    a_roll_under_load_fails_nobody(place)
    a_release_that_does_not_boot_leaves_the_old_ones(place)
    it_scales(place)
    it_stops_and_starts(place)
    it_says_what_it_did(place)
    every_task_is_done_once(place)
    ok(place, "down")
    with pytest.raises((urllib.error.URLError, OSError)):
        answer(place)
    assert list(place.left()) == []


def comes_back(place: Place, name: str) -> None:
    before = lives(place)
    place.kill(name)
    await_true(lambda: is_another(place, name, before[name]), f"{name} is back")
    others = {other: life for other, life in lives(place).items() if other != name}
    assert others == {other: life for other, life in before.items() if other != name}


def is_another(place: Place, name: str, life: object) -> bool:
    return phases(place).get(name) == "ready" and lives(place)[name] != life


def a_restart_changes_nobody_else(place: Place) -> None:
    before = lives(place)
    ok(place, "restart", "beat")
    assert changed(before, lives(place)) == {"beat.1"}


def a_roll_under_load_fails_nobody(place: Place) -> None:
    before = lives(place)
    with Load(place.port) as load:
        load.go_on(REQUESTS)
        ok(place, "roll", "web")
        load.go_on(REQUESTS)
    print(f"{' '.join(place.begin)}: roll of web: {load.figures()}")
    assert load.figures().lost == 0, load.failures()[:5]
    assert set(before.values()).isdisjoint(life for name, life in lives(place).items() if name.startswith("web."))


def a_release_that_does_not_boot_leaves_the_old_ones(place: Place) -> None:
    before = lives(place)
    place.release(boots=False)
    with Load(place.port) as load:
        load.go_on(REQUESTS)
        ended = place.procession("roll", "web")
        load.go_on(REQUESTS)
    place.release(boots=True)
    assert ended.code == 1, ended
    assert "web" in ended.err
    assert load.figures().lost == 0, load.failures()[:5]
    assert lives(place) == before


def it_scales(place: Place) -> None:
    before = lives(place)
    ok(place, "scale", "web=3")
    assert phases(place)["web.3"] == "ready"
    assert changed(before, lives(place)) == {"web.3"}
    ok(place, "scale", "web=2")
    assert lives(place) == before


def it_stops_and_starts(place: Place) -> None:
    before = lives(place)
    ok(place, "stop", "worker")
    assert phases(place).get("worker.1", "stopped") == "stopped"
    ok(place, "start", "worker")
    await_true(lambda: phases(place)["worker.1"] == "ready", "the worker is back")
    assert changed(before, lives(place)) == {"worker.1"}


def it_says_what_it_did(place: Place) -> None:
    assert "GET / " in ok(place, "logs", "web", "-n", "all").out
    assert "worker" in ok(place, "events").out


def every_task_is_done_once(place: Place) -> None:
    """Whoever was killed, restarted or stopped meanwhile: no task was done twice."""
    ids = done(place)
    assert len(set(ids)) == len(ids)


def done(place: Place) -> list[str]:
    """The ids of the tasks that the worker has done; kept for as long as the engine keeps its logs."""
    return DONE.findall(ok(place, "logs", "worker", "-n", "all").out)


def ok(place: Place, *words: str) -> Ended:
    ended = place.procession(*words)
    assert ended.code == 0, ended
    return ended


def rows(place: Place) -> list[Mapping[str, Any]]:
    """The instances that go on; neither a task that is done nor a server in front is of interest here."""
    found: list[Mapping[str, Any]] = json.loads(place.procession("status", "--json").out)["instances"]
    return [row for row in found if row["process"] in PROCESSES]


def phases(place: Place) -> dict[str, str]:
    return {row["name"]: row["phase"] for row in rows(place)}


def lives(place: Place) -> dict[str, object]:
    """What tells one life of an instance from the next."""
    return {row["name"]: row.get("life") or row["pid"] for row in rows(place)}


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def answer(place: Place) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{place.port}/", timeout=60) as response:
        return int(response.status)
