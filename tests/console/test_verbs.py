"""start, stop, restart, scale, signal, update: each does what it says, and says what it did."""

from __future__ import annotations

import pytest

from tests.console.project import SLEEPER, Project, await_true

TWO = f"[processes.web]\n{SLEEPER}[processes.worker]\n{SLEEPER}"


@pytest.fixture
def up(project: Project) -> Project:
    """A project in which `web` and `worker` run."""
    project.declare(TWO)
    project.ok("up", "-d")
    return project


def test_stop_and_start(up: Project) -> None:
    assert up.ok("stop", "web").err == "web.1: stopped\n"
    assert up.instance("web.1")["pid"] == 0
    assert up.instance("worker.1")["phase"] == "ready"
    assert up.ok("start", "web").err.startswith("web.1: ready after ")
    assert up.instance("web.1")["phase"] == "ready"


def test_restart_gives_a_new_pid(up: Project) -> None:
    before = up.instance("web.1")["pid"]
    up.ok("restart", "web.1")
    assert up.instance("web.1")["pid"] not in (0, before)


def test_all_must_be_said(up: Project) -> None:
    ended = up.run("restart")
    assert ended.code == 2
    assert "NAME..., or --all" in ended.err
    assert up.run("restart", "web", "--all").code == 2
    before = {view["name"]: view["pid"] for view in up.status()["instances"]}
    up.ok("restart", "--all")
    after = {view["name"]: view["pid"] for view in up.status()["instances"]}
    assert all(after[name] != pid for name, pid in before.items())


def test_an_unknown_name_is_wrong_usage_and_the_known_ones_are_told(up: Project) -> None:
    ended = up.run("stop", "wbe")
    assert ended.code == 2
    assert "wbe" in ended.err
    assert "web, worker" in ended.err
    assert up.instance("web.1")["phase"] == "ready"


def test_scale_up_and_down(up: Project) -> None:
    up.ok("scale", "worker=3", "web=2")
    assert [view["name"] for view in up.status()["instances"]] == ["web.1", "web.2", "worker.1", "worker.2", "worker.3"]
    ended = up.ok("scale", "worker=1")
    assert sorted(ended.err.splitlines()) == ["worker.2: stopped", "worker.3: stopped"]


@pytest.mark.parametrize("written", ["worker", "worker=", "worker=many", "worker=-1", "=3"])
def test_scale_takes_a_name_and_a_number(project: Project, written: str) -> None:
    ended = project.run("scale", written)
    assert ended.code == 2
    assert "worker=4" in ended.err


@pytest.mark.parametrize("words", [("USR1", "web"), ("sigusr1", "web.1"), ("10", "web"), ("web", "USR1")])
def test_a_signal_reaches_the_main_process(project: Project, words: tuple[str, str]) -> None:
    project.declare(
        "[processes.web]\n"
        'command = ["sh", "-c", "trap \'touch caught\' USR1; touch up; while :; do sleep 0.05; done"]\n'
        'readiness = {type = "file", file = "up", interval = "20ms"}\n'
    )
    project.ok("up", "-d")
    ended = project.ok("signal", *words)
    assert "web.1: SIGUSR1 sent to pid" in ended.err
    await_true((project.directory / "caught").exists, "the trap runs")


def test_what_is_so_already_is_said(project: Project) -> None:
    project.declare(f"[processes.web]\n{SLEEPER}")
    project.ok("up", "-d")
    for verb in (("start", "web"), ("scale", "web=1")):
        assert project.ok(*verb).err == "nothing to do\n"
    assert project.ok("stop", "web").err == "web.1: stopped\n"
    assert project.ok("stop", "web").err == "nothing to do\n"


def test_an_unknown_signal_has_a_suggestion(project: Project) -> None:
    ended = project.run("signal", "HUPP", "web")
    assert ended.code == 2
    assert 'did you mean "HUP"?' in ended.err


def test_update_shows_the_difference_and_applies_only_that(up: Project) -> None:
    web, worker = (up.instance(name)["pid"] for name in ("web.1", "worker.1"))
    up.declare(TWO.replace("sleep 1000", "sleep 2000", 1) + f"[processes.beat]\n{SLEEPER}")
    shown = up.ok("update", "--dry-run").out
    assert "~ web: rolls" in shown
    assert "+ beat: new" in shown
    assert "worker" not in shown
    assert up.instance("web.1")["pid"] == web, "nothing was done yet"
    assert up.ok("update").out == shown
    assert up.instance("web.1")["pid"] != web
    assert up.instance("worker.1")["pid"] == worker
    assert up.instance("beat.1")["phase"] == "ready"
    await_true(lambda: up.ok("update").out == "nothing is different\n", "it is as declared")


def test_update_with_a_mistake_changes_nothing(up: Project) -> None:
    before = up.instance("web.1")["pid"]
    up.declare(TWO + '[processes.beat]\nbackend = "celery-baet"\n')
    ended = up.run("update")
    assert ended.code == 1
    assert "beat.backend" in ended.err
    assert ended.err.splitlines()[-1] == "nothing was changed; what was running keeps running"
    assert up.instance("web.1")["pid"] == before


def test_update_leaves_stopped_what_a_person_stopped(up: Project) -> None:
    up.ok("stop", "worker")
    up.declare(TWO + f"[processes.beat]\n{SLEEPER}")
    up.ok("update")
    assert up.instance("worker.1")["phase"] == "stopped"


@pytest.mark.parametrize(
    "verb", [("start", "web"), ("stop", "web"), ("restart", "web"), ("scale", "web=2"), ("update",)]
)
def test_without_a_supervisor_it_is_3(project: Project, verb: tuple[str, ...]) -> None:
    project.declare(TWO)
    ended = project.run(*verb)
    assert ended.code == 3
    assert "start it: procession up -d" in ended.err
