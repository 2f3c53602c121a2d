"""`procession top` before a real supervisor with real processes: what it shows, and what its keys do."""

from __future__ import annotations

import os
import signal

import pytest

from tests.console.project import Project, await_true
from tests.top.conftest import TopSite
from tests.top.screen import Screen, watch


def test_each_process_has_a_row_with_what_it_does_and_why(site: TopSite) -> None:
    async def story(screen: Screen) -> None:
        await screen.sees("● ready", "● done", "◐ starting", "waiting for readiness (", " of 60 min): ")
        assert "needs a look" not in screen.text
        await screen.until(lambda: " %" in screen.line("worker") and "MB" in screen.line("worker"), "no measures")
        await screen.until(lambda: "▁" in screen.line("worker"), "no chart")
        assert "\x1b" not in screen.text

    watch(site, story)


def test_killed_it_is_seen_to_come_back(site: TopSite) -> None:
    async def story(screen: Screen) -> None:
        await screen.until(lambda: "ready" in screen.line("worker"), "not ready")
        view = site.instance("worker.1")
        os.kill(view["pid"], signal.SIGKILL)
        await screen.until(lambda: _is_new(screen.line("worker"), view["pid"]), "it does not come back")
        assert f" {view['restarts'] + 1} " in screen.line("worker")

    watch(site, story, columns=120)


def _is_new(line: str, pid: int) -> bool:
    return "ready" in line and f" {pid} " not in line


def test_the_log_of_what_is_selected_is_followed(site: TopSite) -> None:
    async def story(screen: Screen) -> None:
        await screen.select("worker")
        site.says("first of all")
        await screen.sees("worker.1 first of all")
        await screen.select("once")
        await screen.sees("once.1 hi")
        assert "first of all" not in screen.text
        await screen.select("worker")
        await screen.sees("worker.1 first of all")
        site.says("and then")
        await screen.sees("worker.1 and then")

    watch(site, story)


def test_a_log_line_does_no_harm(site: TopSite) -> None:
    hostile = "\x1b]0;title\x07\x1b[2J\x1b[1;1H[bold red]not markup[/] \x9b31m \u202eright to left \udcff end"

    async def story(screen: Screen) -> None:
        await screen.select("worker")
        site.says(hostile)
        await screen.sees(r"\x1b]0;title\x07\x1b[2J\x1b[1;1H[bold red]not markup[/]")
        await screen.sees(r"\x9b31m \u202eright to left \xff end")
        assert "\x1b" not in screen.text

    watch(site, story, columns=120)


def test_the_end_stays_in_sight_when_the_pane_shrinks(site: TopSite) -> None:
    async def story(screen: Screen) -> None:
        await screen.select("worker")
        site.says("\n".join(f"filling {number}" for number in range(60)))
        await screen.sees("filling 59")
        await screen.resize(70, 18)
        await screen.sees("filling 59")
        await screen.resize(90, 30)
        await screen.sees("filling 59", "filling 45")
        site.says("the last")
        await screen.sees("the last")

    watch(site, story)


def test_who_reads_further_up_is_left_there(site: TopSite) -> None:
    async def story(screen: Screen) -> None:
        await screen.select("worker")
        site.says("\n".join(f"filling {number}" for number in range(60)))
        await screen.sees("filling 59")
        await screen.press("tab", "home")
        await screen.misses("filling 59")
        site.says("unseen at first")
        await screen.sees("1 new below: End")
        assert "unseen at first" not in screen.text
        await screen.press("end")
        await screen.sees("unseen at first")
        await screen.misses("new below")

    watch(site, story)


def test_the_log_is_searched_and_the_rows_are_filtered(site: TopSite) -> None:
    async def story(screen: Screen) -> None:
        await screen.select("worker")
        site.says("a needle\nsome hay")
        await screen.sees("some hay")
        await screen.press("slash")
        await screen.type("NEEDLE")
        await screen.press("enter")
        await screen.sees("Log of worker with 'NEEDLE'", "a needle")
        assert "some hay" not in screen.text
        site.says("another needle\nmore hay")
        await screen.sees("another needle")
        assert "more hay" not in screen.text
        await screen.press("f")
        await screen.type("bea")
        await screen.press("enter")
        await screen.misses("once")
        assert screen.line("beat")
        await screen.press("escape")
        await screen.sees("once")
        await screen.select("worker")
        await screen.sees("more hay")

    watch(site, story)


def test_it_is_stopped_and_started_once_that_is_confirmed(site: TopSite) -> None:
    async def story(screen: Screen) -> None:
        await screen.select("worker")
        await screen.sees("x Stop")
        assert "s Start" not in screen.text
        await screen.press("x")
        await screen.sees("Stop worker?", "stays so until somebody starts")
        await screen.press("escape")
        await screen.misses("Stop worker?")
        assert site.instance("worker.1")["wanted"]
        await screen.press("x")
        await screen.sees("Stop worker?")
        await screen.press("enter")
        await screen.until(lambda: "○ stopped" in screen.line("worker"), "it does not stop")
        await screen.sees("s Start")
        assert "x Stop" not in screen.text
        await screen.press("s")
        await screen.sees("Start worker?")
        await screen.press("y")
        await screen.until(lambda: "● ready" in screen.line("worker"), "it does not start")

    watch(site, story)


@pytest.mark.parametrize(("key", "title"), [("r", "Restart worker"), ("o", "Roll worker")])
def test_it_is_restarted_and_rolled(site: TopSite, key: str, title: str) -> None:
    async def story(screen: Screen) -> None:
        await screen.select("worker")
        await screen.until(lambda: "● ready" in screen.line("worker"), "not ready")
        pid = site.instance("worker.1")["pid"]
        await screen.press(key)
        await screen.sees(f"{title}?")
        await screen.press("enter")
        await screen.sees(f"{title}: asked for")
        await screen.until(lambda: _is_new(screen.line("worker"), pid), "no new life")

    watch(site, story, columns=120)
    await_true(lambda: len(site.status()["instances"]) == 4, "the old life stays")


def test_it_is_scaled_and_each_instance_has_its_row_and_log(site: TopSite) -> None:
    async def scale(screen: Screen, count: str) -> None:
        await screen.select("worker")
        await screen.press("c")
        await screen.sees("Scale worker?")
        await screen.type(count)
        await screen.press("enter")

    async def story(screen: Screen) -> None:
        await screen.select("beat")
        assert "c Scale" not in screen.text, "a singleton cannot be scaled"
        await scale(screen, "2")
        await screen.until(lambda: "2 of 2 ready" in screen.line("worker"), "it is not scaled")
        await screen.select("worker.2")
        await screen.sees("worker.2 ready to work")
        assert "c Scale" not in screen.text, "an instance cannot be scaled"
        await scale(screen, "1")
        await screen.until(lambda: "● ready" in screen.line("worker"), "it is not scaled back")

    watch(site, story)


def test_a_tall_terminal_has_charts(site: TopSite) -> None:
    async def story(screen: Screen) -> None:
        await screen.select("worker")
        await screen.sees("CPU of worker.1: ", "Memory of worker.1: ", "█")

    watch(site, story, columns=160, lines=48)


def test_a_tiny_terminal_is_enough_to_see_what_is(site: TopSite) -> None:
    async def story(screen: Screen) -> None:
        await screen.sees("worker", "● ready")
        assert all(len(line) <= 40 for line in screen.text.split("\n"))

    watch(site, story, columns=40, lines=12)


def test_the_log_can_have_all_the_room(site: TopSite) -> None:
    async def story(screen: Screen) -> None:
        await screen.select("worker")
        await screen.press("z")
        await screen.misses("UPTIME")
        await screen.sees("Log of worker")
        await screen.press("escape")
        await screen.sees("UPTIME", "● ready")

    watch(site, story)


def test_the_help_has_each_key_that_is_offered(site: TopSite) -> None:
    async def story(screen: Screen) -> None:
        await screen.press("question_mark")
        await screen.sees("filter what runs", "find in the log", "o  roll")
        await screen.press("q")
        await screen.misses("filter what runs")

    watch(site, story)


def test_a_supervisor_that_goes_and_comes_back_is_told(own: Project) -> None:
    async def story(screen: Screen) -> None:
        await screen.sees("no supervisor is running in", "start it: procession up -d")
        own.ok("up", "-d")
        await screen.until(lambda: "● ready" in screen.line("web"), "not connected")
        assert "no supervisor" not in screen.text
        own.ok("down")
        await screen.sees("no supervisor is running in", "what you see is old")
        assert "All is well" not in screen.text
        await screen.press("x")
        await screen.press("enter")
        await screen.sees("Stop web: no supervisor is running")
        own.ok("up", "-d")
        await screen.sees("All is well")
        await screen.misses("what you see is old")

    watch(own, story, columns=100)


def test_a_supervisor_that_hangs_is_told_and_holds_up_no_key(own: Project) -> None:
    own.ok("up", "-d")
    supervisor = own.status()["supervisor"]["pid"]

    async def story(screen: Screen) -> None:
        await screen.sees("All is well")
        os.kill(supervisor, signal.SIGSTOP)
        try:
            await screen.sees("no answer for", "what you see is old")
            await screen.press("question_mark")
            await screen.sees("filter what runs")
            await screen.press("q")
        finally:
            os.kill(supervisor, signal.SIGCONT)
        await screen.misses("what you see is old")

    watch(own, story, columns=100)
