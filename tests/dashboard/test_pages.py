"""The pages over HTTP, from a real site under a real supervisor: who sees what, and that text stays text."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from tests.console.project import await_true
from tests.dashboard.site import HUNTER, DashboardSite

WORKER = "/processes/process/worker/"


def test_who_is_not_logged_in_is_sent_to_the_login_and_back(site: DashboardSite) -> None:
    page = site.visitor().get("/processes/process/web/")
    assert (page.status, page.headers["Location"]) == (302, "/admin/login/?next=%2Fprocesses%2Fprocess%2Fweb%2F")


@pytest.mark.parametrize("name", ["clerk", "customer"])
def test_staff_without_the_permission_and_the_permission_without_staff_see_nothing(
    site: DashboardSite, name: str
) -> None:
    visitor = site.visitor(name)
    for path in ("/processes/", WORKER, "/processes/events/", "/processes/process/worker/stop/"):
        page = visitor.get(path)
        assert page.status == 403
        assert "procession.view" in page.text
        assert "worker.1" not in page.text


def test_who_may_look_sees_no_action_and_is_refused_one(site: DashboardSite) -> None:
    viewer = site.visitor("viewer")
    for path in ("/processes/", WORKER):
        assert not re.search("data-confirm|<form method=.post", viewer.get(path).text)
    assert viewer.get("/processes/process/worker/stop/").status == 403
    token = next(cookie.value for cookie in viewer.jar if cookie.name == "csrftoken")
    page = viewer.post("/processes/process/worker/stop/", {"csrfmiddlewaretoken": str(token)})
    assert (page.status, "procession.operate" in page.text) == (403, True)
    assert site.instance("worker.1")["phase"] == "ready"


def test_of_several_instances_the_stopped_one_can_be_started(site: DashboardSite) -> None:
    """And none alone can be scaled."""
    operator = site.visitor("operator")
    operator.submit("/processes/process/worker/scale/", count="2")
    try:
        await_true(lambda: len(_named(site, "worker.2")) == 1, "it is not scaled")
        operator.submit("/processes/process/worker.2/stop/")
        await_true(lambda: _named(site, "worker.2")[0]["phase"] == "stopped", "it does not stop")
        page = operator.get("/processes/process/worker.2/").text
        assert "/worker.2/start/" in page
        assert "/worker.2/stop/" not in page
        page = operator.get("/processes/process/worker.1/").text
        assert "/worker.1/stop/" in page
        assert "/scale/" not in page
        assert operator.get("/processes/process/worker.1/scale/").status == 404
    finally:
        operator.submit("/processes/process/worker/scale/", count="1")
        await_true(lambda: not _named(site, "worker.2"), "it is not scaled back")


def _named(site: DashboardSite, name: str) -> list[Any]:
    return [view for view in site.status()["instances"] if view["name"] == name]


def test_an_action_without_its_token_is_refused(site: DashboardSite) -> None:
    """Also in a site that has no CSRF middleware, as this one."""
    operator = site.visitor("operator")
    assert operator.post("/processes/process/worker/stop/", {}).status == 403
    assert site.instance("worker.1")["phase"] == "ready"


def test_the_stack_says_what_runs(site: DashboardSite) -> None:
    page = site.visitor("operator").get("/processes/")
    assert page.status == 200
    assert "All is well" in page.text
    pid = site.instance("web.1")["pid"]
    assert f">{pid}<" in page.text, "a pid without a thousands separator"
    assert f"http://127.0.0.1:{site.port}/" in page.text


def test_only_our_own_files_may_run_or_be_shown(site: DashboardSite) -> None:
    visitor = site.visitor("operator")
    page = visitor.get("/processes/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script(?! src=)|<style|\son\w+=|\sstyle=", page.text)
    for asset in re.findall(r'(?:src|href)="(/processes/asset/[^"]+)"', page.text):
        answer = visitor.get(asset)
        assert (answer.status, "immutable" in answer.headers["Cache-Control"]) == (200, True)
        assert visitor.get(re.sub("asset/....", "asset/0000", asset)).status == 404


def test_what_a_log_says_is_text(site: DashboardSite) -> None:
    hostile = "<script>alert(1)</script></ol>{{ csrf_token }}&lt;\x1b[2J\x1b[31mred\x1b[0m\u202e\x00\udcff'\""
    site.worker_says(hostile)
    operator = site.visitor("operator")
    await_true(lambda: "csrf_token }}" in operator.get(WORKER).text, "the line has not come")
    text = operator.get(WORKER).text
    assert "<script>alert" not in text
    shown = html.unescape(re.findall(r"<span>(.*csrf_token.*)</span>", text)[-1])
    assert shown == r"<script>alert(1)</script></ol>{{ csrf_token }}&lt;\x1b[2Jred\u202e\x00\xff" + "'\""


def test_a_page_asks_for_the_lines_since_the_last(site: DashboardSite) -> None:
    operator = site.visitor("operator")
    site.worker_says("before the page")
    await_true(lambda: "before the page" in operator.get(WORKER).text, "the line has not come")
    cursor = _cursor(operator.get(WORKER).text)
    site.worker_says("after the page")
    await_true(lambda: "after the page" in operator.get(f"{WORKER}?part=live&after={cursor}").text, "it has not come")
    part = operator.get(f"{WORKER}?part=live&after={cursor}").text
    assert "before the page" not in part
    assert "<header" not in part
    assert "after the page" not in operator.get(f"{WORKER}?part=live&after={_cursor(part)}").text


def test_the_log_can_be_searched(site: DashboardSite) -> None:
    site.worker_says("a needle in it\nhay")
    operator = site.visitor("operator")
    await_true(lambda: "a needle" in operator.get(f"{WORKER}?find=NEEDLE").text, "it is not found")
    assert ">hay<" not in operator.get(f"{WORKER}?find=NEEDLE").text
    assert "No line has it" in operator.get(f"{WORKER}?find=nothing-of-the-kind").text


def test_secrets_stay_hidden(site: DashboardSite) -> None:
    text = site.visitor("operator").get(WORKER).text
    assert HUNTER not in text
    assert "DATABASE_PASSWORD" in text
    assert "redis://site:[hidden]@db/0" in text
    assert "--password &#x27;[hidden]&#x27;" in text
    assert "&lt;b&gt;fast&lt;/b&gt;" in text
    assert html.escape('PRODUCTION_PROCESSES["worker"] in own.settings') in text


def test_what_is_not_there_is_not_found(site: DashboardSite) -> None:
    operator = site.visitor("operator")
    for path in ("process/nobody/", "process/nobody/stop/", "process/worker/dance/", "all/scale/", "asset/x/urls.py"):
        assert operator.get(f"/processes/{path}").status == 404
    assert operator.get("/processes/process/worker.9/").status == 404


def test_what_an_instance_said_outlives_it(site: DashboardSite) -> None:
    operator = site.visitor("operator")
    site.ok("scale", "worker=2")
    await_true(lambda: "ready to work" in operator.get("/processes/process/worker.2/").text, "it has said nothing")
    site.ok("scale", "worker=1")
    page = operator.get("/processes/process/worker.2/")
    assert (page.status, "It is no more" in page.text, "ready to work" in page.text) == (200, True, True)


def test_a_question_says_what_will_happen_and_what_becomes_of_this_page(site: DashboardSite) -> None:
    operator = site.visitor("operator")
    assert "it will be gone" in operator.get("/processes/process/web/stop/").text
    assert "served by it" not in operator.get("/processes/process/worker/stop/").text


def test_who_did_it_is_in_the_history(site: DashboardSite) -> None:
    operator = site.visitor("operator")
    page = operator.submit("/processes/process/worker/stop/")
    assert (page.status, page.headers["Location"]) == (302, f"{WORKER}?asked=stop")
    await_true(lambda: site.instance("worker.1")["phase"] == "stopped", "it has not stopped")
    assert "Start" in operator.get(WORKER).text
    operator.submit("/processes/process/worker/start/")
    await_true(lambda: site.instance("worker.1")["phase"] == "ready", "it has not started")
    await_true(lambda: "(operator, through uid " in "".join(site.events("stop-asked")[:1]), "nobody did it")
    await_true(
        lambda: "by operator, through uid" in operator.get("/processes/events/?name=worker.1").text, "not on the page"
    )


def test_what_the_supervisor_refuses_is_said(site: DashboardSite) -> None:
    page = site.visitor("operator").submit("/processes/process/beat/roll/")
    assert page.status == 409
    assert "beat.1: cannot roll a singleton" in page.text
    assert "write a number" in site.visitor("operator").submit("/processes/process/worker/scale/", count="-1").text


def test_the_history_has_pages(site: DashboardSite) -> None:
    operator = site.visitor("operator")
    page = operator.get("/processes/events/?before=4").text
    assert re.findall(r'id="event-(\d+)"', page) == ["3", "2", "1"]
    assert "Newest" in page
    assert "event-1" in operator.get("/processes/events/?before=nonsense").text


def test_the_admin_leads_there_for_those_who_may(site: DashboardSite) -> None:
    operator = site.visitor("operator")
    assert "/admin/procession/stack/" in operator.get("/admin/").text
    page = operator.get("/admin/procession/stack/")
    assert (page.status, page.headers["Location"]) == (302, "/processes/")
    assert "/admin/procession/stack/" not in site.visitor("clerk").get("/admin/").text


def _cursor(text: str) -> str:
    found = re.search(r'data-cursor="([^"]+)"', text)
    assert found
    return found.group(1)
