"""A site of a user who may not do what it needs: which folder, or which file, stops whom."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.project import Project
from tests.doctor.test_broken_sites import SLEEPING, SQLITE, head
from tests.e2e.readable import PYTHONS, make_python
from tests.e2e.site import make_site

pytestmark = pytest.mark.root
NOBODY = pwd.getpwnam("nobody")
SETPRIV = ("setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups")


@pytest.fixture
def ours() -> Iterator[Project]:
    """A project of root's, to which everybody may go. Not in pytest's folder: each pytest that begins closes that."""
    folder = Path(tempfile.mkdtemp(prefix="procession-doctor-"))
    folder.chmod(0o755)
    project = Project(folder / "site")
    yield project
    project.end()
    shutil.rmtree(folder)


@pytest.fixture
def theirs(ours: Project) -> Project:
    """A project of nobody's, whose commands run as nobody."""
    python = make_python(ours.directory.parent / "python", SETPRIV)
    assert python, f"nobody can run any of these: {PYTHONS}"
    ours.command = (*SETPRIV, python, "-m", "procession")
    return ours


def give_away(project: Project) -> None:
    for path in (project.directory, *project.directory.rglob("*")):
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)


def test_a_folder_and_a_file_that_the_sites_user_may_not_write(theirs: Project) -> None:
    data = theirs.directory / "data"
    make_site(theirs, SQLITE.format(path=data / "db.sqlite3") + SLEEPING)
    give_away(theirs)
    data.mkdir(mode=0o700)
    (data / "db.sqlite3").touch(mode=0o644)
    assert f"user nobody may not write {data}, the folder of its SQLite database" in head(theirs)
    data.chmod(0o755)
    os.chown(data, NOBODY.pw_uid, NOBODY.pw_gid)
    assert f"user nobody may not write {data}/db.sqlite3, its SQLite database" in head(theirs)


def test_root_looks_with_the_rights_of_the_processes_user(ours: Project) -> None:
    secret = ours.directory / "secret"
    secret.mkdir(mode=0o700)
    ours.declare('[processes.tick]\ncommand = "sleep 1000"\nuser = "nobody"\ndirectory = "secret"\n')
    assert f"tick: permission: user nobody may not enter {secret}, its directory" in head(ours)
