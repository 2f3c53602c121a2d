"""A site of a user who is not root: all of it works, and what is another user's is refused in words."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.backends.serving import free_port, get
from tests.console.project import SLEEPER, Ended, Project, await_true
from tests.e2e.readable import PYTHONS, make_python
from tests.e2e.site import check_numbers, make_site, pids

pytestmark = pytest.mark.root  # else every other test shows this, too

NOBODY = pwd.getpwnam("nobody")
SETPRIV = ("setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups")
SITE = """
PRODUCTION_PROCESSES = {{
    "web": {{"BACKEND": "gunicorn", "ARGS": {{"bind": "127.0.0.1:{port}"}}, "LIMITS": {{"files": 500}}}},
    "count": {{"COMMAND": "python count.py"}},
}}
"""


class NobodysProject(Project):
    """Whose commands all run as nobody."""

    def __init__(self, directory: Path, python: str) -> None:
        super().__init__(directory)
        self.command: Sequence[str] = (*SETPRIV, python, "-m", "procession")


@pytest.fixture(scope="module")
def python() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="procession-python-"))
    folder.chmod(0o755)
    python = make_python(folder, SETPRIV)
    assert python, f"nobody can run any of these: {PYTHONS}"
    yield python
    shutil.rmtree(folder)


@pytest.fixture
def theirs(python: str) -> Iterator[NobodysProject]:
    """Not under tmp_path, which is root's own."""
    directory = Path(tempfile.mkdtemp(prefix="procession-nobody-"))
    project = NobodysProject(directory / "site", python)
    yield project
    project.end()
    assert project.members() == []
    shutil.rmtree(directory)


def give_away(project: Project) -> None:
    for path in (project.directory.parent, project.directory, *project.directory.rglob("*")):
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)


def test_everything_works_without_root(theirs: NobodysProject) -> None:
    port = free_port()
    make_site(theirs, SITE.format(port=port))
    give_away(theirs)
    theirs.ok("up", "-d")
    assert get(f"127.0.0.1:{port}") == (200, "hello")
    for pid in (*pids(theirs).values(), theirs.status()["supervisor"]["pid"]):
        assert os.stat(f"/proc/{pid}").st_uid == NOBODY.pw_uid
    before = pids(theirs)["count.1"]
    theirs.ok("restart", "count")
    assert pids(theirs)["count.1"] != before
    os.kill(theirs.status()["supervisor"]["pid"], 9)
    await_true(lambda: theirs.run("status").code == 0, "another supervisor has taken over")
    theirs.ok("scale", "web=2")
    assert "count.1" in theirs.ok("events", "-n", "all").out
    assert theirs.ok("run", "--", "id", "-un").out == "nobody\n"
    theirs.ok("down")
    assert theirs.members() == []
    check_numbers(theirs, "count.1")


@pytest.mark.parametrize("verb", ["status", "stop web", "down", "up -d", "logs", "logs web -f", "events", "update"])
def test_what_is_roots_is_refused_in_words(project: Project, theirs: NobodysProject, verb: str) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    theirs.declare(f"[processes.web]\n{SLEEPER}")
    give_away(theirs)
    before = pids(project)
    name, *more = verb.split()
    for path in (project.directory, *list(project.directory.parents)[:3]):
        os.chmod(path, 0o755)  # what is refused is the stack directory, not the way to it
    ended: Ended = theirs.run(name, *more, "--stack-directory", str(project.stack_directory))
    assert ended.code == 4, ended
    assert str(project.stack_directory) in ended.err
    assert "Traceback" not in ended.err
    assert pids(project) == before
