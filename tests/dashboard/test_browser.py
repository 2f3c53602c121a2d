"""The dashboard in a real Chromium, on a desk and on a phone: what one does with it, and that it is kept up to date.

Screenshots are left in .screenshots, for people to look at.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.console.project import DEADLINE_SECONDS
from tests.dashboard.site import DashboardSite

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / ".screenshots"
WIDTHS = {"desk": (1280, 900), "phone": (390, 844)}
GRAVE = ("serious", "critical")
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or pytest.skip("chromium is not installed")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # which refuses to work for root
    with sync_playwright() as playwright:
        expect.set_options(timeout=DEADLINE_SECONDS * 1000)
        yield playwright.chromium.launch(executable_path=chromium, args=arguments)


@pytest.fixture(params=WIDTHS)
def opened(browser: Browser, site: DashboardSite, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens a page as somebody, on a desk in the light and on a phone in the dark. No script may fail or be refused."""
    yield from _opened(browser, site, request.param)


@pytest.fixture
def on_desk(browser: Browser, site: DashboardSite) -> Iterator[Open]:
    """The same, where it makes no difference."""
    yield from _opened(browser, site, "desk")


def _opened(browser: Browser, site: DashboardSite, where: str) -> Iterator[Open]:
    complaints: list[str] = []
    contexts: list[BrowserContext] = []
    width, height = WIDTHS[where]

    def open_page(path: str, name: str = "operator", *, script: bool = True) -> Page:
        context = browser.new_context(
            base_url=site.base,
            viewport={"width": width, "height": height},
            color_scheme="dark" if where == "phone" else "light",
            java_script_enabled=script,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(DEADLINE_SECONDS * 1000)
        page.goto(f"/enter/{name}/")
        page.on("console", lambda message: complaints.append(_told(message)) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def test_killed_it_is_seen_to_come_back(opened: Open, site: DashboardSite) -> None:
    page = opened("/processes/")
    row = _instance(page, "worker.1")
    expect(row).to_contain_text("ready")
    pid = site.instance("worker.1")["pid"]
    os.kill(pid, signal.SIGKILL)
    expect(row.locator(".pid")).not_to_have_text(str(pid))
    expect(row.locator(".pid")).to_have_text(re.compile(r"\d"))
    expect(row).to_contain_text("ready")
    expect(page.locator(".timeline")).to_contain_text("killed by SIGKILL")
    _keep(page, "stack")


def test_its_log_is_followed_and_a_script_in_it_is_text(opened: Open, site: DashboardSite) -> None:
    page = opened("/processes/process/worker/")
    page.evaluate("window.alive = 'since it was opened'")
    site.worker_says("<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>")
    line = page.locator("#lines li").last
    expect(line).to_contain_text("<script>window.hacked = 1</script><img src=x")
    for number in range(60):
        site.worker_says(f"line {number}")
    expect(page.locator("#lines li").last).to_contain_text("line 59")
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("window.alive") == "since it was opened"
    texts = page.locator("#lines li span").all_inner_texts()[-60:]
    assert texts == [f"line {number}" for number in range(60)]
    box = "document.querySelector('.log')"
    assert page.evaluate(f"{box}.scrollHeight - {box}.scrollTop - {box}.clientHeight") < 2
    _keep(page, "process")


def test_who_reads_further_up_is_left_there(on_desk: Open, site: DashboardSite) -> None:
    page = on_desk("/processes/process/worker/")
    site.worker_says("\n".join(f"filling {number}" for number in range(80)))
    expect(page.locator("#lines li").last).to_contain_text("filling 79")
    page.evaluate("document.querySelector('.log').scrollTop = 0")
    site.worker_says("unseen at first")
    button = page.get_by_role("button", name="New lines below")
    expect(button).to_be_visible()
    assert page.evaluate("document.querySelector('.log').scrollTop") == 0
    button.click()
    expect(button).to_be_hidden()


def test_it_is_stopped_and_started(opened: Open, site: DashboardSite) -> None:
    page = opened("/processes/")
    _do(page, "Stop worker")
    row = _instance(page, "worker.1")
    expect(page.get_by_role("status").first).to_contain_text("Stop: asked for")
    expect(row).to_contain_text("stopped")
    _do(page, "Start worker")
    expect(row).to_contain_text("ready")
    expect(page.locator(".timeline")).to_contain_text("by operator, through uid")


def test_it_is_rolled(opened: Open, site: DashboardSite) -> None:
    _roll(opened("/processes/process/worker/"), site, "worker")


def test_what_serves_the_page_is_rolled(on_desk: Open, site: DashboardSite) -> None:
    """No request of it fails meanwhile."""
    _roll(on_desk("/processes/process/web/"), site, "web")


def _roll(page: Page, site: DashboardSite, name: str) -> None:
    pid = site.instance(f"{name}.1")["pid"]
    _do(page, f"Roll {name}")
    expect(page.locator(".timeline")).to_contain_text("roll-begun")
    expect(_instance(page, f"{name}.1").locator(".pid")).not_to_have_text(str(pid))
    expect(_instance(page, f"{name}.1")).to_contain_text("ready")
    expect(_instance(page, f"{name}.1-old")).to_have_count(0)


def test_it_is_scaled(opened: Open, site: DashboardSite) -> None:
    page = opened("/processes/process/worker/")
    _do(page, "Scale worker", count="3")
    for number in (1, 2, 3):
        expect(_instance(page, f"worker.{number}")).to_contain_text("ready")
    _keep(page, "scaled")
    _do(page, "Scale worker", count="1")
    expect(_instance(page, "worker.3")).to_have_count(0)
    expect(_instance(page, "worker.2")).to_have_count(0)
    expect(_instance(page, "worker.1")).to_contain_text("ready")


def test_who_may_only_look_sees_no_action(opened: Open) -> None:
    for path in ("/processes/", "/processes/process/worker/"):
        page = opened(path, "viewer")
        expect(_instance(page, "worker.1")).to_contain_text("ready")
        assert page.locator("a.button, [data-confirm], form[method=post]").count() == 0


def test_without_javascript_it_can_be_read_and_used(on_desk: Open, site: DashboardSite) -> None:
    page = on_desk("/processes/process/worker/", script=False)
    expect(page.locator("#lines")).to_contain_text("ready to work")
    page.get_by_role("link", name="Stop worker").click()
    page.get_by_role("button", name="Stop worker").click()
    expect(page.get_by_role("status").first).to_contain_text("Stop: asked for")
    page.goto("/processes/process/worker/start/")
    page.get_by_role("button", name="Start worker").click()
    assert page.url.endswith("/process/worker/?asked=start")


def test_it_is_used_by_the_keyboard(on_desk: Open) -> None:
    page = on_desk("/processes/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name="Restart worker")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Restart worker?")
    expect(page.get_by_role("button", name="Restart worker")).to_be_focused()
    _keep(page, "question", whole=False)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(link).to_be_focused()


def test_charts_are_drawn(on_desk: Open) -> None:
    page = on_desk("/processes/")
    for chart in ("cpu", "memory"):
        line = _instance(page, "web.1").locator(f"[data-keep={chart}] polyline")
        expect(line).to_have_attribute("points", re.compile(r"^\S+ \S+"))  # two points make a line


def test_old_news_are_called_old(browser: Browser, site: DashboardSite) -> None:
    context = browser.new_context(base_url=site.base)
    page = context.new_page()
    page.goto("/enter/operator/")
    page.goto("/processes/")
    context.set_offline(True)
    expect(page.locator("#pulse")).to_contain_text("what you see is old")
    context.set_offline(False)
    expect(page.locator("#pulse")).to_be_hidden()
    context.close()


def test_axe_finds_nothing_grave(opened: Open) -> None:
    page = opened("/processes/")
    for path in ("", "events/", "process/worker/", "process/worker/scale/", "process/web/stop/"):
        page.goto(f"/processes/{path}")
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} scrolls sideways"
        assert _violations(page) == [], path
        if path == "events/":
            _keep(page, "events", whole=False)


def _told(message: ConsoleMessage) -> str:
    return f"{message.text} ({message.location})"


def _violations(page: Page) -> list[str]:
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text())
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes']]}"
        for one in found["violations"]
        if one["impact"] in GRAVE
    ]


def _instance(page: Page, name: str) -> Any:
    return page.locator(f'[id="instance-{name}"]')


def _do(page: Page, action: str, count: str = "") -> None:
    """Ask for it, and confirm."""
    page.get_by_role("link", name=action, exact=True).click()
    dialog = page.get_by_role("dialog")
    if count:
        dialog.get_by_label("Instances").fill(count)
    dialog.get_by_role("button", name=action).click()
    page.wait_for_url("**/?asked=*")


def _keep(page: Page, name: str, *, whole: bool = True) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    width = (page.viewport_size or {"width": 0})["width"]
    page.screenshot(path=SCREENSHOTS / f"dashboard-{name}-{width}.png", full_page=whole)
