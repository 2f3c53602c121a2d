"""A site that supervisord runs, to be looked at: the same rows, no action, and whom to ask for the rest."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from procession.refusal import Refusal
from procession.watching.look import look
from tests.console.project import SLEEPER, Project, await_true
from tests.dashboard.site import Dashboard, Visitor
from tests.top.screen import Screen, watch

pytestmark = pytest.mark.slow
SITE = f"""
[processes.web]
{SLEEPER}replicas = 2
[processes.worker]
command = "sh -c 'test ! -e broken && exec sleep 1000'"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    project = Project(tmp_path_factory.mktemp("svd") / "site")
    project.declare(SITE)
    try:
        project.ok("apply", "--engine", "supervisord")
        yield project
    finally:
        project.run("down")
        project.end()


def test_its_rows_are_those_of_the_engine(project: Project) -> None:
    directory = str(project.stack_directory)
    worker = look(directory).row("worker")
    assert worker is not None
    (project.directory / "broken").touch()
    os.kill(int(worker.instances[0].pid), signal.SIGKILL)
    await_true(lambda: "worker.1" in look(directory).summary, "what is broken is not told")
    seen = look(directory)
    assert (seen.engine, seen.tone) == ("supervisord", "bad")
    web = seen.row("web")
    assert web is not None
    assert [(one.name, one.state) for one in web.instances] == [("web.1", "ready"), ("web.2", "ready")]
    assert all(one.used.memory_bytes > 0 and os.path.exists(f"/proc/{one.pid}") for one in web.instances)
    assert web.offered == ()


def test_the_dashboard_shows_them_and_says_whom_to_ask(project: Project) -> None:
    dashboard = Dashboard(project)
    try:
        visitor = Visitor(dashboard.base)
        visitor.get(dashboard.link)
        page = visitor.get("/").text
        assert "Run by supervisord" in page
        assert "web.2" in page
        assert "data-confirm" not in page
        page = visitor.get("/process/web/").text
        assert "ask it: procession logs web" in page
        assert "sleep 1000" in page, "its declaration is that which was applied"
        assert "ask it: procession events" in visitor.get("/events/").text
        asked = visitor.get("/process/web/stop/")
        assert (asked.status, "ask it: procession stop web" in asked.text) == (409, True)
    finally:
        dashboard.end()


def test_top_shows_them_and_offers_no_action(project: Project) -> None:
    async def story(screen: Screen) -> None:
        await screen.sees("Run by supervisord", "2 of 2 ready", "ask it: procession logs web")
        assert "Stop" not in screen.text
        await screen.press("x")
        assert "Stop web" not in screen.text

    watch(project, story, columns=100)


def test_an_engine_that_is_gone_is_told(project: Project) -> None:
    memory = project.stack_directory / "engine.json"
    kept = memory.read_text()
    try:
        memory.write_text("{}")
        with pytest.raises(Refusal, match="is damaged"):
            look(str(project.stack_directory))
    finally:
        memory.write_text(kept)
