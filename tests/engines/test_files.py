"""Files that we write for an engine: whose they are, whether anybody edited them, what `apply` would change."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from procession.engines.files import (
    Change,
    File,
    compare,
    is_untouched,
    owned_by,
    owner_of,
    read_there,
    replace_file,
    write,
)

OWNER = owner_of("mysite", "/srv/mysite", "systemd")
FILE = File(path="conf/site.conf", text="[x]\na = 1\n")


def changes(directory: Path, *files: File, owner: str = OWNER) -> dict[str, Change]:
    there = read_there(str(directory), files, owner)
    return {one.path: one.change for one in compare(files, there, owner)}


def put(directory: Path, *files: File, owner: str = OWNER) -> None:
    there = read_there(str(directory), files, owner)
    write(str(directory), files, compare(files, there, owner))


@pytest.mark.parametrize("first", ["", "#!/bin/sh\n", "# syntax=docker/dockerfile:1\n"])
@pytest.mark.parametrize("comment", ["# {}", "; {}", "<!-- {} -->", "// {}"])
def test_a_marked_file_says_whose_it_is_and_that_nobody_edited_it(first: str, comment: str) -> None:
    text = File(path="x", text=f"{first}a\nb\n", comment=comment).marked(OWNER)
    assert text.startswith(first)
    assert owned_by(text) == OWNER
    assert is_untouched(text)
    assert not is_untouched(text.replace("b\n", "c\n"))


def test_a_file_of_nobody_is_nobodys() -> None:
    assert owned_by("a\n") == ""
    assert not is_untouched("a\n")


def test_written_twice_it_is_the_same(tmp_path: Path) -> None:
    assert changes(tmp_path, FILE) == {FILE.path: Change.NEW}
    put(tmp_path, FILE)
    before = (tmp_path / FILE.path).read_bytes()
    assert changes(tmp_path, FILE) == {FILE.path: Change.SAME}
    put(tmp_path, FILE)
    assert (tmp_path / FILE.path).read_bytes() == before


def test_another_text_is_a_change_and_its_diff_shows_it(tmp_path: Path) -> None:
    put(tmp_path, FILE)
    new = File(path=FILE.path, text="[x]\na = 2\n")
    [one] = compare([new], read_there(str(tmp_path), [new], OWNER), OWNER)
    assert one.change is Change.CHANGED
    assert {"-a = 1", "+a = 2"} < set(one.lines())


def test_a_hand_edit_is_seen_in_a_file_that_is_wanted_and_in_one_that_is_not(tmp_path: Path) -> None:
    put(tmp_path, FILE)
    path = tmp_path / FILE.path
    path.write_text(path.read_text() + "b = 2\n")
    assert changes(tmp_path, FILE) == {FILE.path: Change.EDITED}
    assert changes(tmp_path) == {FILE.path: Change.EDITED}


def test_what_is_no_longer_wanted_goes_and_what_is_anothers_stays(tmp_path: Path) -> None:
    put(tmp_path, FILE)
    put(tmp_path, File(path="other.conf", text="b\n"), owner=owner_of("mysite", "/srv/mysite", "compose"))
    (tmp_path / "notes").write_bytes(b"\xff\xfe")
    (tmp_path / "link").symlink_to(FILE.path)  # as `systemctl enable` makes them
    os.mkfifo(tmp_path / "fifo")
    assert changes(tmp_path) == {FILE.path: Change.GONE}
    put(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["notes", "other.conf"]
    assert (tmp_path / "link").is_symlink()


def test_a_file_in_the_way_is_foreign(tmp_path: Path) -> None:
    (tmp_path / "site.conf").write_text("mine\n")
    assert changes(tmp_path, File(path="site.conf", text="a\n")) == {"site.conf": Change.FOREIGN}


def test_whatever_is_in_the_way_is_foreign(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo")
    names = ("bytes", "folder", "link", "fifo")
    assert changes(tmp_path, *(File(path=name, text="a\n") for name in names)) == dict.fromkeys(names, Change.FOREIGN)


def test_a_line_end_of_another_kind_is_an_edit(tmp_path: Path) -> None:
    put(tmp_path, FILE)
    path = tmp_path / FILE.path
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert changes(tmp_path, FILE) == {FILE.path: Change.EDITED}


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("before\n")
    with pytest.raises(UnicodeEncodeError):
        replace_file(str(tmp_path / "a"), "half \udc80", 0o644)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "before\n"}


def test_nobody_else_has_a_hand_in_what_is_written(tmp_path: Path) -> None:
    """Who may write to the folder cannot have us write through a link of his, nor into a file that he holds open."""
    part = tmp_path / f"a.{os.getpid()}.part"
    part.symlink_to(tmp_path / "roots")
    with pytest.raises(FileExistsError):
        replace_file(str(tmp_path / "a"), "text\n", 0o600)
    assert not (tmp_path / "roots").exists()


def test_a_file_that_can_have_no_comment_is_always_ours(tmp_path: Path) -> None:
    (tmp_path / "site.json").write_text("{}\n")
    file = File(path="site.json", text='{"a": 1}\n', comment="")
    assert changes(tmp_path, file) == {"site.json": Change.CHANGED}
    assert file.marked(OWNER) == file.text


def test_its_mode_is_as_said_whatever_was_there(tmp_path: Path) -> None:
    put(tmp_path, File(path="a", text="1\n", mode=0o644))
    put(tmp_path, File(path="a", text="2\n", mode=0o600))
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
