"""What the recorder has counted, told to who asks."""

from __future__ import annotations

from pathlib import Path

from procession.recorder.reading.counts import Count, read_counts
from tests.recorder.rig import Rig, eventually


def test_bytes_are_counted_and_other_names_may_hold_anything(rig: Rig) -> None:
    rig.start()
    odd = 'we"b\\é.1'
    rig.open("web.1")
    rig.open(odd)
    rig.say("web.1", b"one\ntwo")
    eventually(lambda: read_counts(str(rig.directory)).get("web.1") == Count(7, 0))
    assert read_counts(str(rig.directory)) == {"web.1": (7, 0), odd: (0, 0)}
    assert sorted(path.name for path in (rig.directory / "fifo").iterdir()) == sorted(["web.1", odd]), "nothing is left"


def test_dropped_lines_are_counted_while_they_are_dropped(rig: Rig, tmp_path: Path) -> None:
    """A folder that cannot be there: its log can never be written."""
    (tmp_path / "file").write_text("")
    rig.start()
    rig.open("web.1", path=str(tmp_path / "file" / "web.1.log"))
    rig.say("web.1", b"one\ntwo\nthr")
    eventually(lambda: read_counts(str(rig.directory)).get("web.1") == Count(11, 3))
    rig.say("web.1", b"ee\nfour\n")
    eventually(lambda: read_counts(str(rig.directory)).get("web.1") == Count(19, 4))


def test_what_was_dropped_stays_counted_when_it_is_over(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("")
    rig.start()
    rig.open("web.1", path=str(tmp_path / "folder" / "web.1.log"))
    rig.say("web.1", b"one\ntwo\n")
    eventually(lambda: read_counts(str(rig.directory)).get("web.1") == Count(8, 2))
    (tmp_path / "folder").unlink()
    eventually(lambda: b"2 lines (8 bytes) dropped" in rig.log("web.1") or (tmp_path / "folder/web.1.log").exists())
    rig.say("web.1", b"three\n")
    eventually(lambda: read_counts(str(rig.directory)).get("web.1") == Count(14, 2))


def test_without_a_recorder_nothing_is_known(rig: Rig) -> None:
    assert read_counts(str(rig.directory)) == {}
    assert read_counts(str(rig.directory / "nowhere")) == {}


def test_what_is_no_fifo_is_not_written_to(rig: Rig) -> None:
    rig.start()
    path = rig.directory / "fifo" / "file"
    path.write_text("mine")
    rig.send(count="file")
    rig.send(count="../recorder.hand")
    rig.open("web.1")
    rig.say("web.1", b"on it goes\n")
    eventually(lambda: rig.text("web.1") == b"on it goes\n")
    assert path.read_text() == "mine"
    assert "not a FIFO" in rig.notes()
