"""A log's folder may be writable by the site's user; what that user puts there leads root nowhere."""

from __future__ import annotations

import os
from fcntl import ioctl
from pathlib import Path
from termios import FIONREAD

import pytest

from procession.recorder.private import open_private
from tests.recorder.rig import Rig, eventually

NOBODY = 65534
FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND


def link(path: Path, target: str | Path, owner: int) -> None:
    path.symlink_to(target)
    os.chown(path, owner, owner, follow_symlinks=False)


def put(path: str) -> None:
    fd = open_private(path, FLAGS)
    os.write(fd, b"x")
    os.close(fd)


def test_a_file_is_made_for_us_alone(tmp_path: Path) -> None:
    put(f"{tmp_path}//./web.log")
    assert (tmp_path / "web.log").stat().st_mode & 0o777 == 0o600
    put(str(tmp_path / "web.log"))
    assert (tmp_path / "web.log").read_text() == "xx"


def test_links_of_our_own_are_followed_relative_and_absolute_on_the_way_and_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "disk" / "logs").mkdir(parents=True)
    (tmp_path / "absolute").symlink_to(tmp_path / "disk")
    (tmp_path / "relative").symlink_to("absolute/logs/../logs")
    (tmp_path / "disk" / "logs" / "web.log").symlink_to("../one.log")
    put(str(tmp_path / "relative" / "web.log"))
    assert (tmp_path / "disk" / "one.log").read_text() == "x"


@pytest.mark.root
@pytest.mark.parametrize("where", ["at the end", "on the way"])
def test_a_link_of_somebody_elses_is_refused(tmp_path: Path, where: str) -> None:
    (tmp_path / "secret").mkdir()
    if where == "at the end":
        link(tmp_path / "web.log", tmp_path / "secret" / "web.log", NOBODY)
        path = tmp_path / "web.log"
    else:
        link(tmp_path / "log", tmp_path / "secret", NOBODY)
        path = tmp_path / "log" / "web.log"
    with pytest.raises(OSError, match="a symbolic link of uid 65534's is in the way"):
        open_private(str(path), FLAGS)
    assert list((tmp_path / "secret").iterdir()) == []


@pytest.mark.parametrize("name", ["loop", "missing/web.log", "file/web.log"])
def test_what_cannot_be_opened_raises_and_leaves_no_fd(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("")
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match=r"\[Errno"):
        open_private(str(tmp_path / name), FLAGS)
    assert len(os.listdir("/proc/self/fd")) == len(before)


@pytest.mark.root
def test_the_recorder_says_that_it_does_not_write_there(rig: Rig, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (tmp_path / "passwd").write_text("root:x:0:0\n")
    link(folder / "web.log", tmp_path / "passwd", NOBODY)
    rig.start()
    fd = rig.open("web.1", path=str(folder / "web.log"))
    os.write(fd, b"root2::0:0\n")
    eventually(lambda: not any(ioctl(fd, FIONREAD, bytes(4))))  # it has read it, and dropped it
    assert (tmp_path / "passwd").read_text() == "root:x:0:0\n"
    (folder / "web.log").unlink()
    rig.close("web.1")
    lines = (folder / "web.log").read_text()
    assert "dropped: a symbolic link of uid 65534's is in the way" in lines
    assert (tmp_path / "passwd").read_text() == "root:x:0:0\n"
