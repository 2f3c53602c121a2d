"""The lines since the last look, out of log files that are rotated and compressed meanwhile."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

import pytest

from procession.watching import tail

TIME = "2026-11-21T07:31:00.123Z"
LATER = "2026-11-21T07:32:00.000Z"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    return tmp_path / "log" / "web.1.log"


def write(path: Path, lines: Iterable[str], time: str = TIME) -> None:
    with path.open("a") as file:
        file.writelines(f"{time} {line}\n" for line in lines)


def texts(found: tail.Tail) -> list[str]:
    return [record.text for record in found.records]


def test_lines_of_one_time_come_once(log: Path, tmp_path: Path) -> None:
    write(log, ["one", "two"])
    first = tail.last_lines(str(tmp_path), "web", "")
    assert texts(first) == ["one", "two"]
    write(log, ["three"])
    second = tail.lines_after(str(tmp_path), "web", "", first.cursor)
    assert texts(second) == ["three"]
    write(log, ["four"], LATER)
    third = tail.lines_after(str(tmp_path), "web", "", second.cursor)
    assert texts(third) == ["four"]
    assert texts(tail.lines_after(str(tmp_path), "web", "", third.cursor)) == []


def test_a_rotation_and_a_compression_lose_nothing(log: Path, tmp_path: Path) -> None:
    write(log, ["one"])
    cursor = tail.last_lines(str(tmp_path), "web.1", "").cursor
    write(log, ["two"])
    rotated = log.with_name("web.1.log.20261121T073130.000Z")
    with gzip.open(f"{rotated}.gz", "wb") as file:
        file.write(log.read_bytes())
    log.unlink()
    write(log, ["three"], LATER)
    assert texts(tail.lines_after(str(tmp_path), "web.1", "", cursor)) == ["two", "three"]


def test_a_line_that_has_not_ended_waits(log: Path, tmp_path: Path) -> None:
    write(log, ["one"])
    with log.open("a") as file:
        file.write(f"{TIME} half of a")
    found = tail.last_lines(str(tmp_path), "web", "")
    assert texts(found) == ["one"]
    with log.open("a") as file:
        file.write(" line\n")
    assert texts(tail.lines_after(str(tmp_path), "web", "", found.cursor)) == ["half of a line"]


def test_of_very_much_the_end_is_given_and_that_there_was_more(log: Path, tmp_path: Path) -> None:
    write(log, ["one"])
    cursor = tail.last_lines(str(tmp_path), "web", "").cursor
    write(log, (f"line {number}" for number in range(tail.LINES_MAX * 3)), LATER)
    found = tail.lines_after(str(tmp_path), "web", "", cursor)
    assert (len(found.records), found.is_cut) == (tail.LINES_MAX, True)
    assert texts(found)[-1] == f"line {tail.LINES_MAX * 3 - 1}"
    again = tail.lines_after(str(tmp_path), "web", "", found.cursor)
    assert texts(again) == []


def test_a_search_looks_at_so_many_lines_and_says_so(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "LOOKED_AT_MAX", 100)
    write(log, ["a needle", *("hay" for _ in range(100))])
    found = tail.last_lines(str(tmp_path), "web", "needle")
    assert (texts(found), found.is_cut) == ([], True)
    monkeypatch.setattr(tail, "LOOKED_AT_MAX", 101)
    assert texts(tail.last_lines(str(tmp_path), "web", "NEEDLE")) == ["a needle"]


@pytest.mark.parametrize("cursor", ["nonsense", "web.1~x~1", f"web.1~{TIME}~-1", f"web.1~{TIME}~{'9' * 40}", ",,~~"])
def test_a_cursor_that_makes_no_sense_begins_anew(log: Path, tmp_path: Path, cursor: str) -> None:
    write(log, ["one"])
    assert texts(tail.lines_after(str(tmp_path), "web", "", cursor)) == ["one"]


def test_instances_are_merged_by_time(log: Path, tmp_path: Path) -> None:
    write(log, ["second"], LATER)
    write(log.with_name("web.2.log"), ["first"])
    write(log.with_name("worker.1.log"), ["of another"])
    assert texts(tail.last_lines(str(tmp_path), "web", "")) == ["first", "second"]
