"""Rotation: by size and age, at line ends, nothing lost, no more kept than was asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.loop import Loop
from procession.recorder.children import Children
from procession.recorder.compression import Compression
from procession.recorder.logfile import LogFile
from procession.recorder.rotation import Policy, Rotated, is_rotated_name, milliseconds_of, suffix
from procession.recorder.stamp import Clock, Moment, stamped
from tests.recorder.rig import STAMP, Rig, eventually, numbered, read_part, run

HOUR_NS = 3600 * 10**9


def moment(hours: float = 0.0) -> Moment:
    ns = 1_800_000_000 * 10**9 + int(hours * HOUR_NS)
    return Moment(ns, ns / 1e9, Clock().stamp(ns))


def contents(path: Path) -> list[bytes]:
    rotated = sorted(path.parent.glob(path.name + ".*"))
    return [STAMP.sub(b"", read_part(str(part))) for part in [*rotated, path]]


def test_twenty_floods_at_once_are_rotated_line_by_line(rig: Rig) -> None:
    rig.start()
    names = [f"web.{number}" for number in range(20)]
    for name in names:
        rig.open(name, max_bytes=300_000, keep=1000, compress=False)
    children = [rig.flood(name, 20_000) for name in names]
    assert [child.wait() for child in children] == [0] * 20
    rig.close(*names)
    for name in names:
        assert rig.text(name) == numbered(name, 20_000)
        sizes = [os.path.getsize(part) for part in rig.parts(name)]
        assert max(sizes) <= 300_000
        assert len(sizes) >= 8


def test_the_oldest_are_removed(rig: Rig) -> None:
    rig.start()
    rig.open("web.1", max_bytes=100_000, keep=3, compress=False)
    rig.flood("web.1", 30_000).wait()
    rig.close("web.1")
    assert len(rig.parts("web.1")) == 4
    kept = rig.text("web.1")
    assert numbered("web.1", 30_000).endswith(kept)


@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=12), st.integers(30, 200), st.booleans())
def test_whatever_comes_is_split_at_line_ends_alone(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], max_bytes: int, ends: bool
) -> None:
    path = tmp_path_factory.mktemp("log") / "web.1.log"
    log = LogFile(str(path), Policy(max_bytes=max_bytes, keep=1000), moment())
    for chunk in chunks:
        log.append(chunk, moment())
    if ends:
        log.end_line(moment())
    parts = contents(path)
    whole = b"".join(chunks)
    assert b"".join(parts) == whole + (b"\n" if ends and not whole.endswith(b"\n") else b"")
    assert all(part.endswith(b"\n") for part in parts[:-1])
    log.close()


@given(st.lists(st.binary(min_size=1), min_size=1), st.booleans())
def test_stamps_are_where_a_loop_over_lines_would_put_them(chunks: list[bytes], at_line_start: bool) -> None:
    expected, written, starts = b"", b"", at_line_start
    for number, chunk in enumerate(chunks):
        stamp = b"<%03d>" % number
        for line in chunk.splitlines(keepends=True) if b"\r" not in chunk else _lines(chunk):
            expected += (stamp if starts else b"") + line
            starts = line.endswith(b"\n")
        written += b"".join(stamped(chunk, stamp, at_line_start))
        at_line_start = chunk.endswith(b"\n")
    assert written == expected


def _lines(chunk: bytes) -> list[bytes]:
    return [line + b"\n" for line in chunk.split(b"\n")[:-1]] + [chunk.split(b"\n")[-1]] * (not chunk.endswith(b"\n"))


def test_by_age_when_the_next_line_comes(tmp_path: Path) -> None:
    path = tmp_path / "web.1.log"
    log = LogFile(str(path), Policy(max_age_seconds=7200.0), moment())
    log.append(b"one\nhalf a ", moment())
    log.append(b"line\nnext\n", moment(hours=3))
    assert contents(path) == [b"one\nhalf a line\n", b"next\n"]


def test_by_age_when_nothing_comes(rig: Rig) -> None:
    rig.start()
    rig.open("web.1", max_age_seconds=0.2)
    rig.say("web.1", b"one\n")
    eventually(lambda: len(rig.parts("web.1")) == 2)
    rig.say("web.1", b"two\n")
    rig.close("web.1")
    assert rig.text("web.1") == b"one\ntwo\n"


def test_the_age_of_a_file_survives_the_recorder(tmp_path: Path) -> None:
    path = tmp_path / "web.1.log"
    policy = Policy(max_age_seconds=7200.0)
    LogFile(str(path), policy, moment()).append(b"one\n", moment())
    again = LogFile(str(path), policy, moment(hours=3))
    assert again.is_old(moment(hours=3))
    assert not again.is_old(moment(hours=1))


def test_names_sort_as_time_does_even_when_the_clock_is_set_back(tmp_path: Path) -> None:
    path = tmp_path / "web.1.log"
    rotated = Rotated(str(path))
    for number, at in enumerate([moment(), moment(), moment(hours=-5)]):
        path.write_text(str(number))
        rotated.turn(at.ns, 0.0, keep=10)
    assert [Path(name).read_text() for name in sorted(rotated.names)] == ["0", "1", "2"]
    assert rotated.names == Rotated(str(path)).names


@given(st.integers(0, 4_000_000_000_000))
def test_a_name_says_its_time(milliseconds: int) -> None:
    name = "web.1.log." + suffix(milliseconds)
    assert milliseconds_of(name) == milliseconds
    assert is_rotated_name(name, "web.1.log")


@pytest.mark.parametrize("name", ["web.1.log", "web.1.log.1", "web.10.log.20261121T073100.123Z", "web.1.log.gz"])
def test_other_names_are_left_alone(name: str) -> None:
    assert not is_rotated_name(name, "web.1.log")


def test_a_log_that_somebody_removed_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "web.1.log"
    log = LogFile(str(path), Policy(), moment())
    log.append(b"one\n", moment())
    path.unlink()
    log.append(b"two\n", moment(hours=1))
    assert contents(path) == [b"two\n"]


def test_compressed_one_by_one_but_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "web.1.log"
    log = LogFile(str(path), Policy(max_bytes=1000, keep=10), Clock().now())
    lines = numbered("web.1", 40)
    log.append(lines, Clock().now())
    assert log.rotated is not None
    rotated = log.rotated
    loop = Loop()
    compression = Compression(loop, Children(loop), {"web.1": log}, after_seconds=0.01)
    compression.schedule()
    stop_when(loop, lambda: rotated.to_compress() is None)
    loop.run()
    names = sorted(os.listdir(tmp_path))
    assert sum(name.endswith(".gz") for name in names) == len(rotated.names) - 1
    assert run(["gzip", "--test", *map(str, tmp_path.glob("*.gz"))]).returncode == 0
    parts = [name.removesuffix(".gz") for name in rotated.names]
    assert STAMP.sub(b"", b"".join(map(read_part, [*parts, str(path)]))) == lines
    assert os.stat(parts[0] + ".gz").st_mode & 0o077 == 0


def test_what_fell_off_the_end_while_it_was_compressed_does_not_come_back(tmp_path: Path) -> None:
    path = tmp_path / "web.1.log"
    rotated = Rotated(str(path))
    path.write_text("one")
    rotated.turn(moment().ns, 0.0, keep=1)
    name = rotated.names[0]
    path.write_text("two")
    rotated.turn(moment().ns, 0.0, keep=1)
    Path(name + ".gz").write_text("finished late")
    rotated.compressed(name)
    assert sorted(os.listdir(tmp_path)) == [os.path.basename(rotated.names[0])]


def stop_when(loop: Loop, condition: object) -> None:
    def look() -> None:
        assert callable(condition)
        loop.stop() if condition() else loop.call_after(0.005, "look", look)

    loop.call_after(0.0, "look", look)
