"""`procession analyze`: where the time of a start went, out of the history; and package by package."""

from __future__ import annotations

import io
import json

from procession.console import text
from procession.console.analyze import packages_chart, starts_chart
from procession.doctor.imports import Package, packages
from procession.doctor.startup import Start, last_starts
from procession.recorder.reading.history import Event
from tests.console.project import SLEEPER, Project, await_true
from tests.e2e.site import make_site

PLAIN = text.Ink(io.StringIO())


def events(*told: tuple[float, str, str]) -> list[Event]:
    return [
        Event(number, at, kind, instance.partition(".")[0], instance, 1, {"for": "migrate"}, "")
        for number, (at, instance, kind) in enumerate(told)
    ]


def test_a_start_is_read_from_its_events() -> None:
    (migrate, web) = last_starts(
        events(
            (100.0, "migrate.1", "starting"),
            (100.0, "web.1", "waiting"),
            (100.5, "migrate.1", "started"),
            (100.5, "migrate.1", "ready"),
            (102.0, "migrate.1", "exited"),
            (102.0, "migrate.1", "done"),
            (102.0, "web.1", "starting"),
            (102.25, "web.1", "started"),
            (106.25, "web.1", "ready"),
            (200.0, "web.1", "unready"),
        )
    )
    assert (migrate.total_seconds, migrate.outcome) == (2.0, "done")
    assert (web.waited_seconds, web.spawn_seconds, web.load_seconds, web.outcome) == (2.0, 0.25, 4.0, "ready")
    assert web.waits_for == "migrate"


def test_the_last_start_counts_and_one_that_came_to_nothing_says_so() -> None:
    (start,) = last_starts(
        events(
            (1.0, "web.1", "starting"),
            (1.5, "web.1", "started"),
            (2.0, "web.1", "ready"),
            (9.0, "web.1", "exited"),
            (10.0, "web.1", "starting"),
            (10.5, "web.1", "started"),
            (11.0, "web.1", "exited"),
            (11.0, "web.1", "backoff"),
        )
    )
    assert (start.began, start.ended, start.outcome, start.is_good) == (10.0, 11.0, "exited", False)


def test_the_bars_stand_on_one_axis() -> None:
    chart = starts_chart(
        [
            Start(instance="migrate.1", began=10.0, starting=10.0, started=10.0, ended=15.0, outcome="done"),
            Start(instance="web.1", began=10.0, starting=15.0, started=15.0, ended=20.0, outcome="ready"),
        ],
        80,
        PLAIN,
    )
    assert chart == [
        "           0 s                10 s",
        "migrate.1  ############             done after 5.0 s: spawn 0.0 s, load 5.0 s",
        "web.1      ............###########  ready after 10 s: waited 5.0 s, spawn 0.0 s, load 5.0 s",
    ]


def test_starts_of_different_times_each_begin_at_the_left() -> None:
    far = Start(instance="web.2", began=5000.0, starting=5000.0, started=5000.0, ended=5001.0, outcome="ready")
    near = Start(instance="web.1", began=1.0, starting=1.0, started=1.0, ended=2.0, outcome="ready")
    _, first, second, words = starts_chart([near, far], 80, PLAIN)
    assert first[7:] == second[7:]
    assert words.startswith("Each from its own beginning")


def test_importtime_is_summed_by_package() -> None:
    said = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:      1000 |       1000 |     django.conf\n"
        "import time:      2000 |       3000 |   django\n"
        "import time: a line of the site's own\n"
        "import time:      5000 |       9000 | celery.app\n"
    )
    found = packages(said.splitlines())
    assert found == [Package("celery", 0.005, 1), Package("django", 0.003, 2)]
    assert packages_chart(found, 80, PLAIN)[1].split() == ["celery", "#" * 50, "5", "ms", "1", "module"]


def test_a_site_that_was_started(project: Project) -> None:
    nothing = project.run("analyze")
    assert nothing.code == 1
    assert "start it: procession up" in nothing.err
    project.declare(
        f'[processes.web]\n{SLEEPER}depends_on = ["one"]\n[processes.one]\ncommand = "true"\ntype = "task"\n'
    )
    project.ok("up", "-d")
    await_true(lambda: "  ready  " in project.run("events", "web").out, "the history has it")
    _, *rows = project.ok("analyze").out.splitlines()
    assert [row.split()[0] for row in rows] == ["one.1", "web.1"]
    (start,) = json.loads(project.ok("analyze", "web", "--json").out)
    assert (start["instance"], start["outcome"]) == ("web.1", "ready")


def test_the_packages_of_a_site(project: Project) -> None:
    make_site(project, 'PRODUCTION_PROCESSES = {"tick": {"COMMAND": "sleep 1000"}}\n')
    found = json.loads(project.ok("analyze", "--imports", "--json").out)
    assert {"django", "myproject"} <= {package["name"] for package in found}
