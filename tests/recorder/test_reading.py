"""Reading logs: merged by time, over rotated and compressed parts, from the end, and as they come."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.recorder.reading.follow import Follower
from procession.recorder.reading.logs import Parts, Wanted, read_logs
from procession.recorder.reading.parts import Part, log_paths, parts_of, sort_key
from procession.recorder.reading.records import Record, backwards, forwards
from tests.recorder.rig import Rig, eventually

START = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


def time_of(second: float) -> str:
    when = START + timedelta(seconds=second)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"


def write(path: Path, numbers: range, *, until: float | None = None, packed: bool = False) -> None:
    """A part with one line per second; rotated at the second `until`."""
    text = "".join(f"{time_of(number)} line {number}\n" for number in numbers).encode()
    if until is not None:
        suffix = time_of(until).replace("-", "").replace(":", "")
        path = path.with_name(f"{path.name}.{suffix}{'.gz' if packed else ''}")
    path.write_bytes(gzip.compress(text) if packed else text)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """web.1 in three parts of 100 lines, the first compressed; web.2 and worker.1 with a line every 50 seconds."""
    (tmp_path / "log").mkdir()
    write(tmp_path / "log" / "web.1.log", range(100), until=99.5, packed=True)
    write(tmp_path / "log" / "web.1.log", range(100, 200), until=199.5)
    write(tmp_path / "log" / "web.1.log", range(200, 300))
    write(tmp_path / "log" / "web.2.log", range(0, 300, 50))
    write(tmp_path / "log" / "worker.1.log", range(0, 300, 50))
    return tmp_path


def all_parts(directory: Path) -> Parts:
    return {name: parts_of(path) for name, path in log_paths(str(directory)).items()}


def lines(records: Iterator[Record]) -> list[tuple[str, str]]:
    return [(record.instance, record.text) for record in records]


def test_merged_by_time_and_then_by_name(stack: Path) -> None:
    expected = [
        (name, f"line {number}")
        for number in range(300)
        for name in ("web.1", "web.2", "worker.1")
        if name == "web.1" or number % 50 == 0
    ]
    assert lines(read_logs(all_parts(stack), Wanted())) == expected
    assert lines(read_logs(all_parts(stack), Wanted(last=10_000))) == expected
    for last in (0, 1, 7, 150):
        assert lines(read_logs(all_parts(stack), Wanted(last=last))) == expected[len(expected) - last :]


def test_since_and_until_over_parts(stack: Path) -> None:
    parts = {"web.1": all_parts(stack)["web.1"]}
    for since, until in ((50, 60), (95, 105), (199, 200), (250, 1000), (0, 0), (299, 299), (400, 500)):
        expected = [("web.1", f"line {number}") for number in range(since, min(until, 299) + 1)]
        for last in (None, 1000):
            found = read_logs(parts, Wanted(time_of(since), time_of(until), last))
            assert lines(found) == expected, (since, until, last)


def test_the_last_ones_with_a_text_in_them(stack: Path) -> None:
    found = read_logs(all_parts(stack), Wanted(last=3, grep="line 1"))
    assert [record.text for record in found] == ["line 197", "line 198", "line 199"]


def test_a_big_file_is_not_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "web.1.log"
    write(path, range(100_000))
    (part,) = parts_of(str(path))
    found = list(forwards(part, "web.1", time_of(99_990)))
    assert [record.text for record in found] == [f"line {number}" for number in range(99_990, 100_000)]
    read = int(Path("/proc/self/io").read_text().split()[1])
    next(backwards(part, "web.1"))
    list(forwards(part, "web.1", time_of(99_990)))
    assert int(Path("/proc/self/io").read_text().split()[1]) - read < path.stat().st_size / 4


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), max_size=20), st.booleans())
def test_backwards_is_forwards_turned_round(
    tmp_path_factory: pytest.TempPathFactory, texts: list[bytes], ends: bool
) -> None:
    path = tmp_path_factory.mktemp("log") / "web.1.log"
    stamp = time_of(1).encode() + b" "
    data = b"\n".join(stamp + text for text in texts) + (b"\n" if ends and texts else b"")
    path.write_bytes(data)
    part = Part(str(path), path.stat().st_ino, "9999", len(data))
    found = list(forwards(part, "web.1"))
    assert [record.text.encode("utf-8", "surrogateescape") for record in found] == texts
    assert list(backwards(part, "web.1")) == found[::-1]


def test_lines_longer_than_a_block(tmp_path: Path) -> None:
    path = tmp_path / "web.1.log"
    texts = ["a" * 200_000, "b", "c" * 64 * 1024, "", "d" * 100_000]
    path.write_text("".join(f"{time_of(1)} {text}\n" for text in texts))
    (part,) = parts_of(str(path))
    assert [record.text for record in backwards(part, "web.1")] == texts[::-1]


def test_lines_that_are_not_ours_are_of_the_time_before(tmp_path: Path) -> None:
    path = tmp_path / "web.1.log"
    path.write_text(f"{time_of(1)} one\nTraceback\n{time_of(2)} two\n")
    (part,) = parts_of(str(path))
    assert [(record.time, record.text) for record in forwards(part, "web.1")] == [
        (time_of(1), "one"),
        (time_of(1), "Traceback"),
        (time_of(2), "two"),
    ]


def test_a_part_that_is_rotated_or_compressed_or_removed_while_we_read(stack: Path) -> None:
    path = stack / "log" / "web.1.log"
    parts = parts_of(str(path))
    path.rename(path.with_name("web.1.log.20261121T080000.000Z"))
    middle = Path(parts[1].path)
    middle.with_name(middle.name + ".gz").write_bytes(gzip.compress(middle.read_bytes()))
    middle.unlink()
    assert len(list(read_logs({"web.1": parts}, Wanted()))) == 300
    os.unlink(parts[0].path + ".gz")
    assert len(list(read_logs({"web.1": parts}, Wanted()))) == 200


def test_instances_by_number() -> None:
    assert sorted(["web.10", "web.2", "beat.1", "web.1"], key=sort_key) == ["beat.1", "web.1", "web.2", "web.10"]


def test_no_folder_no_logs(tmp_path: Path) -> None:
    assert log_paths(str(tmp_path)) == {}
    assert parts_of(str(tmp_path / "log" / "web.1.log")) == []


def test_followed_over_many_rotations(rig: Rig) -> None:
    rig.start()
    rig.open("web.1", max_bytes=50_000, keep=1000, compress=False)
    rig.say("web.1", b"before\n")
    follower = Follower(str(rig.directory), {}, lambda name: name == "web.1")
    records = follower.records()
    assert next(records).text == "before"
    child = rig.flood("web.1", 20_000)
    found = [next(records).text for _ in range(20_000)]
    child.wait()
    assert [text[:15] for text in found] == [f"web.1 {number:09d}" for number in range(20_000)]
    follower.close()


def test_followed_from_the_end_of_what_was_read(rig: Rig) -> None:
    rig.start()
    rig.open("web.1")
    rig.open("web.2")
    rig.say("web.1", b"one\ntwo\nthr")
    rig.send(**{"break": "web.2"})
    path = str(rig.directory / "log" / "web.1.log")
    eventually(lambda: os.path.exists(path) and os.path.getsize(path) > 50)
    parts = parts_of(path, whole_lines=True)
    assert [record.text for record in read_logs({"web.1": parts}, Wanted())] == ["one", "two"]
    follower = Follower(str(rig.directory), {"web.1": parts[-1]}, lambda name: name.startswith("web."))
    records = follower.records()
    rig.say("web.1", b"ee\n")
    assert next(records).text == "three"
    rig.open("web.3")  # joins later
    rig.say("web.3", b"me too\n")
    assert next(records)[1:] == ("web.3", "me too")
    follower.close()


def test_a_follower_that_slept_through_rotations_and_compression(stack: Path) -> None:
    path = stack / "log" / "web.1.log"
    seen = parts_of(str(path), whole_lines=True)[-1]
    follower = Follower(str(stack), {"web.1": seen}, lambda name: name == "web.1")
    records = follower.records()
    with path.open("ab") as file:
        file.write(f"{time_of(300)} line 300\n".encode())
    old = path.with_name("web.1.log.20261121T070501.000Z")
    path.rename(old)
    write(path, range(301, 310), until=309.5, packed=True)
    old.with_name(old.name + ".gz").write_bytes(gzip.compress(old.read_bytes()))
    old.unlink()
    write(path, range(310, 320), until=319.5)
    write(path, range(320, 330))
    assert [next(records).text for _ in range(30)] == [f"line {number}" for number in range(300, 330)]
    path.write_text("")  # truncated
    with path.open("ab") as file:
        file.write(f"{time_of(330)} line 330\n".encode())
    assert next(records).text == "line 330"
    follower.close()
