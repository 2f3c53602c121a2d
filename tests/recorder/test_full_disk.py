"""A log that cannot be written: instances never wait, what is dropped is counted, and said when it is over."""

from __future__ import annotations

import os
import re
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.recorder.history_main import Store, row_of
from tests.recorder.rig import Rig, eventually, numbered

NOTE = re.compile(rb"\[procession: (\d+) lines? \((\d+) (kB|bytes)\) dropped: ([^\]]+)\]\n")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def check_accounts(text: bytes, lines: int, reason: str) -> None:
    """What is there and what is said to be missing make up all that was written, in order."""
    expected = numbered("web.1", lines).splitlines(keepends=True)
    position = 0
    for line in text.splitlines(keepends=True):
        note = NOTE.fullmatch(line)
        if note:
            assert note[4].decode() == reason
            position += int(note[1])
        else:
            assert line == expected[position]
            position += 1
    assert position == lines


@pytest.mark.root
def test_a_full_disk(rig: Rig, tiny_disk: Path) -> None:
    recorder = rig.start()
    rig.open("web.1", path=str(tiny_disk / "web.1.log"))
    rig.flood("web.1", 100_000).wait()  # 10 MB: it would wait for ever if nobody read
    eventually(lambda: "its lines are being dropped: No space left on device" in rig.notes())
    log = tiny_disk / "web.1.log"
    before = log.read_bytes()
    subprocess.run(["mount", "-o", "remount,size=64m", str(tiny_disk)], check=True)
    eventually(lambda: b"dropped" in log.read_bytes())
    rig.close("web.1")
    assert recorder.poll() is None
    text = rig.text("web.1")
    assert log.read_bytes().startswith(before)
    check_accounts(text, 100_000, "No space left on device")
    eventually(lambda: [event for event in rig.events() if event[0] == "log-dropped" and event[1] == "web.1"])


@pytest.mark.root
def test_a_disk_that_is_full_from_the_start_and_stays_so(rig: Rig, tiny_disk: Path) -> None:
    fill(tiny_disk / "filler")
    rig.start()
    rig.open("web.1", path=str(tiny_disk / "web.1.log"))
    rig.flood("web.1", 20_000).wait()
    rig.close("web.1")
    rig.quit()
    ((_, _, detail),) = [event for event in rig.events() if event[1] == "web.1"]
    assert detail == {"message": "20000 lines (2000 kB) dropped: No space left on device"}
    assert rig.text("web.1") == b""


def test_a_file_that_may_not_grow_for_a_while(rig: Rig) -> None:
    """The same for who is not root: a limit on the size of files, lifted later."""
    recorder = rig.start()
    eventually(lambda: (rig.directory / "recorder.hand").exists() and rig.notes() == "")
    resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    rig.open("web.1")
    rig.flood("web.1", 50_000).wait()
    eventually(lambda: "being dropped: File too large" in rig.notes())
    resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    eventually(lambda: b"dropped" in rig.log("web.1"))
    rig.say("web.1", b"and on it goes\n")
    rig.close("web.1")
    text = rig.text("web.1")
    assert text.endswith(b"and on it goes\n")
    check_accounts(text.removesuffix(b"and on it goes\n"), 50_000, "File too large")


def test_a_device_that_is_always_full(rig: Rig) -> None:
    recorder = rig.start()
    rig.open("web.1", path="/dev/full")
    rig.open("web.2")
    rig.flood("web.1", 50_000).wait()
    rig.say("web.2", b"not my disk\n")
    rig.close("web.1", "web.2")
    assert rig.text("web.2") == b"not my disk\n"
    assert recorder.poll() is None
    assert rig.notes().count("\n") == 2  # it began, it ended


def test_a_folder_that_cannot_be_made(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    rig.start()
    rig.open("web.1", path=str(tmp_path / "file" / "web.1.log"))
    rig.say("web.1", b"one\ntwo\n")
    eventually(lambda: "web.1: its lines are being dropped: Not a directory" in rig.notes())
    (tmp_path / "file").unlink()
    rig.say("web.1", b"three\n")
    eventually(lambda: b"dropped" in rig.log("web.1"))
    rig.say("web.1", b"four\n")
    rig.close("web.1")
    lines = (tmp_path / "file" / "web.1.log").read_bytes().splitlines()
    assert b"lines" in lines[0]
    assert lines[-1].endswith(b" four")


def fill(path: Path) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(fd, b"x" * 4096)
    except OSError:
        os.close(fd)


@pytest.mark.root
def test_the_history_on_a_full_disk_keeps_no_file_open_between_two_tries(tiny_disk: Path) -> None:
    with open(tiny_disk / "full", "wb") as full, pytest.raises(OSError):
        full.write(bytes(3 << 20))
    store = Store(str(tiny_disk / "history.sqlite"))
    store.add([row_of(b'{"event": {"at": 1, "kind": "up"}}') or pytest.fail("no event")])
    assert not store.write()
    before = os.listdir("/proc/self/fd")
    assert not store.write()
    assert os.listdir("/proc/self/fd") == before
    (tiny_disk / "full").unlink()
    assert store.write()
