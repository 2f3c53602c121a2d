"""New code by a roll, under load: a release behind a symlink, and one that does not boot. No request fails."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.backends.serving import free_port
from tests.console.project import Project, await_true
from tests.e2e.load import Load
from tests.e2e.site import WSGI, children, make_site, pids

CLIENTS = 4
PROCESSES = """
PRODUCTION_PROCESSES = {{
    "web": {{"BACKEND": "gunicorn", "ARGS": {{"bind": "127.0.0.1:{port}", "workers": 2}}, "REPLICAS": {replicas}}},
}}
"""
URLS = """\
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse({word!r}))]
"""


class Releases(Project):
    """`releases/one`, `releases/two`, ... and `current`, a symlink to one of them; commands run in `current`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.root = directory
        super().__init__(directory / "current")
        self.directory.rmdir()
        self.stack_directory = directory / "run"

    def release(self, name: str, processes: str) -> None:
        """Bring one out, which answers with its name."""
        made = Project(self.root / name)
        make_site(made, processes)
        (made.directory / "myproject" / "urls.py").write_text(URLS.format(word=name))
        os.symlink(made.directory, self.root / "next")
        os.replace(self.root / "next", self.directory)

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        there = {"PWD": str(self.directory), "PROCESSION_DIRECTORY": str(self.stack_directory)}
        return {**super().environment(more), **there}


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[Releases]:
    releases = Releases(tmp_path / "app")
    yield releases
    releases.end()
    assert releases.members() == []


@pytest.mark.parametrize("verb", ["roll", "reload"])
def test_the_symlink_is_followed_anew(releases: Releases, verb: str) -> None:
    port = free_port()
    processes = PROCESSES.format(port=port, replicas=2)
    releases.release("one", processes)
    releases.ok("up", "-d")
    mains = list(pids(releases).values())
    with Load(port, clients=CLIENTS) as load:
        load.go_on(100)
        releases.release("two", processes)
        before = {worker for main in mains for worker in children(main)}
        ended = releases.ok(verb, "web")
        if verb == "reload":
            assert ended.err.count("SIGHUP sent to pid") == 2
            assert list(pids(releases).values()) == mains
            await_true(lambda: not before & {w for main in mains for w in children(main)}, "the old workers end")
        rolled = time.monotonic()
        load.go_on(100)
    assert load.failures() == []
    assert load.bodies() == {"one", "two"}
    assert load.bodies(since=rolled) == {"two"}


def test_the_release_in_which_the_supervisor_was_started_may_be_removed(releases: Releases) -> None:
    processes = PROCESSES.format(port=free_port(), replicas=1)
    releases.release("one", processes)
    releases.ok("up", "-d")
    releases.release("two", processes)
    releases.ok("roll", "web")
    before = pids(releases)
    shutil.rmtree(releases.root / "one")
    lock = releases.stack_directory / "supervisor.lock"
    supervisor = lock.read_text()
    os.kill(int(supervisor), signal.SIGKILL)
    await_true(lambda: lock.read_text() not in ("", supervisor), "the next supervisor is there")
    await_true(lambda: releases.run("status").code == 0, "it has taken over what runs")
    assert pids(releases) == before


@pytest.mark.parametrize("above", ["", WSGI], ids=["the first line of wsgi.py", "the last line of wsgi.py"])
def test_code_that_does_not_boot_costs_no_request(project: Project, above: str) -> None:
    port = free_port()
    make_site(project, PROCESSES.format(port=port, replicas=2))
    project.ok("up", "-d")
    before = {name: project.instance(name)["pid"] for name in ("web.1", "web.2")}
    with Load(port, clients=CLIENTS) as load:
        load.go_on(100)
        (project.directory / "myproject" / "wsgi.py").write_text(above + "import nonesuch_module\n")
        ended = project.run("roll", "web")
        load.go_on(100)
    assert load.failures() == []
    assert ended.code == 1
    assert "ModuleNotFoundError: No module named 'nonesuch_module'" in ended.err
    assert re.search(  # 1: gunicorn met the second worker's end while it ended because of the first's
        f"web.1: the new one exited with [13]; the old one, pid {before['web.1']}, goes on", ended.err
    )
    assert "web.2: not rolled, because web.1 was not ready" in ended.err
    assert {name: project.instance(name)["pid"] for name in before} == before
