"""The host lock of a singleton: two supervisors of one site, in two directories; the instance has it, not they."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from procession import hostlock
from procession.stack.model import Process
from procession.supervisor.linux.terminals import take_master
from tests.supervisor.programs import Stage, is_alive, marked, until
from tests.supervisor.site import Site, process, wait_for_end


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Site]:
    """A second supervisor of the same site."""
    site = Site(tmp_path / "other")
    yield site
    site.end()
    assert marked(site.directory) == []


@pytest.fixture
def beat(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Process:
    monkeypatch.setenv("PROCESSION_LOCKS", str(tmp_path / "locks"))
    return process("beat", stage.program("say('began'); stay()"), singleton=True, lock=f"beat-{uuid4().hex}")


def test_the_second_waits_says_for_whom_and_begins_when_the_first_ends(
    site: Site, other: Site, stage: Stage, beat: Process
) -> None:
    assert site.up(beat)["done"]
    first = stage.hear("began")
    assert other.up(beat)["done"], "to stand by is no error"
    view = other.await_phase("beat.1", "standby")
    assert view["why"] == f"beat: waits for the host lock: held by beat.1 of {site.directory} (pid {first.pid})"
    assert stage.is_silent_about("began")
    site.call("stop", {"names": ["beat"]})
    second = stage.hear("began")
    assert second.pid == other.await_phase("beat.1", "ready")["pid"]


def test_one_that_waits_is_stopped_at_once_and_holds_nothing_of_its_supervisor(
    site: Site, other: Site, stage: Stage, beat: Process
) -> None:
    site.up(beat)
    stage.hear("began")
    other.up(beat)
    pid = int(other.await_phase("beat.1", "standby")["pid"])
    held = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    assert {link for link in held if not link.startswith(("/dev/null", "pipe:"))} == {
        str(other.directory / "fifo" / "beat.1"),
        str(Path(os.environ["PROCESSION_LOCKS"]) / f"{beat.lock}.lock"),
    }
    other.call("stop", {"names": ["beat"]})
    assert other.instance("beat.1")["phase"] == "stopped"
    assert not is_alive(pid)


def test_one_that_has_waited_has_its_terminal_still(site: Site, other: Site, stage: Stage, beat: Process) -> None:
    beat = replace(beat, tty=True)
    site.up(beat)
    stage.hear("began")
    other.up(beat)
    other.await_phase("beat.1", "standby")
    site.call("stop", {"names": ["beat"]})
    os.close(take_master(stage.hear("began").pid))  # what its next holder would do; raises OSError


def test_the_lock_outlives_the_supervisor_and_who_waits_dies_with_its_own(
    site: Site, other: Site, stage: Stage, beat: Process
) -> None:
    site.up(beat)
    first = stage.hear("began")
    other.up(beat)
    waits = int(other.await_phase("beat.1", "standby")["pid"])
    for one in (site, other):
        one.popen.send_signal(signal.SIGKILL)
        one.popen.wait()
    wait_for_end(waits)
    assert is_alive(first.pid)
    other.await_phase("beat.1", "standby")
    assert site.instance("beat.1")["pid"] == first.pid
    assert stage.is_silent_about("began")
    os.kill(first.pid, signal.SIGKILL)
    stage.hear("began")
    until(lambda: {one.instance("beat.1")["phase"] for one in (site, other)} == {"ready", "standby"})


def test_a_lock_file_that_was_deleted_is_waited_for_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCESSION_LOCKS", str(tmp_path))
    heard: list[str] = []
    first = hostlock.acquire("beat", "one", lambda who, fd: heard.append(who))
    os.unlink(tmp_path / "beat.lock")
    second = hostlock.acquire("beat", "two", lambda who, fd: heard.append(who))
    assert heard == []
    assert min(first, second) >= hostlock.LOWEST_FD
    for fd in (first, second):
        os.close(fd)


def test_a_directory_that_is_anothers_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("PROCESSION_LOCKS", str(tmp_path / "link"))
    with pytest.raises(OSError, match="not ours alone"):
        hostlock.acquire("beat", "one", lambda who, fd: None)
