"""The recorder is killed with -9 in the middle of it: no line is lost, none is doubled, none is torn."""

from __future__ import annotations

import os
import random
import select
from pathlib import Path

import pytest

from procession.recorder.hand import Hand, Place
from procession.recorder.logfile import LogFile
from procession.recorder.rotation import Policy
from procession.recorder.stamp import Clock
from tests.recorder.rig import STAMP, Rig, numbered, read_part

LINES = 400_000
KILLS = 25
KILLS_MAX = 100  # on a busy machine a recorder does not get far before the next one: then the flood would never end


@pytest.mark.parametrize("max_bytes", [20 << 20, 1 << 20])
def test_killed_again_and_again_under_a_flood(rig: Rig, max_bytes: int) -> None:
    chance = random.Random(max_bytes)
    rig.start()
    policy = {"max_bytes": max_bytes, "keep": 1000, "compress": False}
    rig.open("web.1", **policy)
    child = rig.flood("web.1", LINES)
    kills = 0
    while kills < KILLS or (child.poll() is None and kills < KILLS_MAX):
        select.select([], [], [], chance.uniform(0.0, 0.03))  # any moment will do; it decides nothing
        rig.kill()
        kills += 1
        rig.start()
        rig.open("web.1", **policy)
    child.wait()
    rig.close("web.1")
    assert rig.text("web.1") == numbered("web.1", LINES)
    assert kills >= KILLS


def test_what_is_in_the_pipe_waits_for_the_next_recorder(rig: Rig) -> None:
    rig.start()
    rig.open("web.1")
    rig.say("web.1", b"before\nhalf a ")
    rig.close("web.1")
    rig.open("web.2")
    rig.say("web.2", b"before\nhalf a ")
    rig.send(note="there")
    rig.kill()
    rig.say("web.2", b"line\nwhile it was dead\n")
    rig.start()
    rig.open("web.2")
    rig.close("web.2")
    assert rig.text("web.2") == b"before\nhalf a line\nwhile it was dead\n"


class Bench:
    """A hand, a log and a pipe with a chunk in it, to stop at each step in between."""

    def __init__(self, folder: Path, max_bytes: int = 1 << 20) -> None:
        self.hand_path = str(folder / "hand")
        self.log_path = str(folder / "web.1.log")
        self.hand = Hand(self.hand_path)
        self.moment = Clock().now()
        self.log = LogFile(self.log_path, Policy(max_bytes=max_bytes), self.moment)
        self.reading, self.writing = os.pipe()

    def take(self, chunk: bytes) -> bytes:
        os.write(self.writing, chunk)
        return self.hand.take(self.reading, Place(self.log, self.moment.stamp))

    def recover(self) -> int:
        """What the next recorder does."""
        return Hand(self.hand_path).recover()

    def text(self) -> bytes:
        folder = Path(self.log_path).parent
        parts = [*sorted(folder.glob("web.1.log.*")), Path(self.log_path)]
        return STAMP.sub(b"", b"".join(read_part(str(path)) for path in parts))


CHUNK = b"end of the last\nsecond\nthird\nbegin of the "


def test_killed_before_the_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)

    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "readv", killed)
    with pytest.raises(KeyboardInterrupt):
        bench.take(CHUNK)
    assert bench.recover() == 0
    assert bench.text() == b""
    assert os.read(bench.reading, 1000) == CHUNK


@pytest.mark.parametrize("chunk", [CHUNK, b"x", b"\n", b"\n" * 100, b"whole\n"])
def test_killed_after_the_read(tmp_path: Path, chunk: bytes) -> None:
    bench = Bench(tmp_path)
    bench.take(chunk)
    assert bench.recover() > 0
    assert bench.text() == chunk
    assert bench.recover() == 0


@pytest.mark.parametrize("written", [1, 25, 40, 41, 60, 100])
def test_killed_within_the_write(tmp_path: Path, written: int) -> None:
    bench = Bench(tmp_path)
    bench.take(CHUNK)
    bench.log.append(CHUNK, bench.moment)
    os.truncate(bench.log_path, written)
    assert bench.recover() > 0
    assert bench.text() == CHUNK


def test_killed_after_the_write(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.take(CHUNK)
    bench.log.append(CHUNK, bench.moment)
    assert bench.recover() == 0
    assert bench.text() == CHUNK


def test_killed_after_a_rotation_that_the_hand_does_not_know(tmp_path: Path) -> None:
    bench = Bench(tmp_path, max_bytes=100)
    bench.take(CHUNK)
    bench.log.append(CHUNK, bench.moment)  # without telling the hand
    new = Path(bench.log_path)
    assert new.read_bytes()
    new.write_bytes(b"")
    assert bench.recover() > 0
    assert bench.text() == CHUNK


def test_killed_after_a_rotation_before_the_rest(tmp_path: Path) -> None:
    bench = Bench(tmp_path, max_bytes=100)
    bench.take(CHUNK)
    bench.log.append(CHUNK, bench.moment, bench.hand)
    os.truncate(bench.log_path, 7)
    assert bench.recover() > 0
    assert bench.text() == CHUNK


def test_a_chunk_of_another_boot_is_left_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.take(CHUNK)
    hand = Path(bench.hand_path)
    boot = Path("/proc/sys/kernel/random/boot_id").read_bytes()[:36]
    hand.write_bytes(hand.read_bytes().replace(boot, b"0" * 36))
    assert bench.recover() == 0
    assert Hand(bench.hand_path).after_boot


def test_a_torn_hand_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "hand").write_bytes(b"\xff" * 5000)
    assert Hand(str(tmp_path / "hand")).recover() == 0
