"""`procession dashboard`: the pages on loopback, for who has the link, once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.project import SLEEPER, Project, await_true
from tests.dashboard.site import Dashboard, Visitor


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path / "site")
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    yield project
    project.end()


def test_the_link_works_once_and_the_browser_that_had_it_may_stay(project: Project) -> None:
    dashboard = Dashboard(project)
    try:
        visitor = Visitor(dashboard.base)
        page = visitor.get(dashboard.link)
        assert (page.status, page.headers["Location"]) == (302, "/")
        cookie = page.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite" in cookie
        assert ">web.1<" in visitor.get("/").text
        other = Visitor(dashboard.base)
        for path in ("/", dashboard.link, "/?token=", "/process/web/", "/process/web/stop/"):
            page = other.get(path)
            assert (page.status, "The link is needed" in page.text) == (403, True)
            assert "web.1" not in page.text
    finally:
        assert dashboard.end() == 0


def test_it_listens_to_no_other_name(project: Project) -> None:
    """A page elsewhere whose name is made to lead here (DNS rebinding) gets nothing, the link included."""
    dashboard = Dashboard(project)
    try:
        visitor = Visitor(dashboard.base)
        assert visitor.get(dashboard.link, Host="elsewhere.example").status == 400
        assert visitor.get(dashboard.link).status == 302
    finally:
        dashboard.end()


def test_what_is_done_there_is_done_in_the_name_of_who_sits_there(project: Project) -> None:
    dashboard = Dashboard(project)
    try:
        visitor = Visitor(dashboard.base)
        visitor.get(dashboard.link)
        assert visitor.submit("/process/web/stop/").status == 302
        await_true(lambda: project.instance("web.1")["phase"] == "stopped", "it has not stopped")
    finally:
        dashboard.end()
    await_true(lambda: "(operator, through uid " in project.run("events").out, "nobody did it")


def test_it_can_be_for_reading_alone(project: Project) -> None:
    dashboard = Dashboard(project, "--read-only")
    try:
        visitor = Visitor(dashboard.base)
        visitor.get(dashboard.link)
        assert "data-confirm" not in visitor.get("/").text
        assert visitor.get("/process/web/stop/").status == 403
    finally:
        dashboard.end()


def test_without_a_supervisor_it_says_so_and_shows_what_was(project: Project) -> None:
    dashboard = Dashboard(project)
    try:
        visitor = Visitor(dashboard.base)
        visitor.get(dashboard.link)
        project.ok("down")
        for path in ("/", "/process/web/"):
            page = visitor.get(path)
            assert page.status == 200
            assert "no supervisor is running" in page.text
            assert "procession up -d" in page.text
            assert "<strong>stopped</strong>" in page.text
        assert visitor.get("/process/web/stop/").status == 200
        assert "no supervisor is running" in visitor.get("/process/web/stop/").text
    finally:
        dashboard.end()


def test_in_a_container_without_a_supervisor_it_says_whom_to_ask(project: Project) -> None:
    project.ok("down")
    dashboard = Dashboard(project, environment={"KUBERNETES_SERVICE_HOST": "10.0.0.1"})  # as each pod has it
    try:
        visitor = Visitor(dashboard.base)
        visitor.get(dashboard.link)
        page = visitor.get("/").text
        assert "This is a container: if Compose, Swarm or Kubernetes runs the site, ask where it was applied" in page
    finally:
        dashboard.end()


def test_wrong_ports_and_directories_are_said(project: Project, tmp_path: Path) -> None:
    assert project.run("dashboard", "--port", "70000").code == 2
    ended = project.run("dashboard", "--stack-directory", str(tmp_path / "nothing"))
    assert (ended.code, "there is no stack directory" in ended.err) == (3, True)
    dashboard = Dashboard(project)
    try:
        ended = project.run("dashboard", "--port", dashboard.base.rpartition(":")[2])
        assert (ended.code, "Address already in use" in ended.err) == (4, True)
    finally:
        dashboard.end()


def test_it_costs_the_supervisor_nothing(project: Project) -> None:
    """Nor does it keep a connection to it open."""
    supervisor = project.status()["supervisor"]["pid"]
    dashboard = Dashboard(project)
    try:
        visitor = Visitor(dashboard.base)
        visitor.get(dashboard.link)
        for _ in range(20):
            visitor.get("/?part=live")
        before = _fds(supervisor), _resident_pages(supervisor)
        for _ in range(200):
            visitor.get("/?part=live")
        await_true(lambda: _fds(supervisor) == before[0], "a connection is left")
        assert _resident_pages(supervisor) <= before[1] + 16
    finally:
        dashboard.end()


def _fds(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def _resident_pages(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
