"""A roll of a worker for real: the old one ends its task by its ladder while the new one works on the next already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from procession.load import load
from procession.sources.settings import read_settings
from procession.stack.model import Declaration, Stack, settings_key
from tests.backends.workers.conftest import MakeRunner
from tests.backends.workers.stage import SITE, Runner, skip_without
from tests.backends.workers.test_stop import CASES
from tests.supervisor.conftest import site
from tests.supervisor.programs import until
from tests.supervisor.site import Site

__all__ = ["site"]

TASKS_MAX = 20
NEXT_TASK_SECONDS = 3.0  # that a task may take to begin, before one more is enqueued


@pytest.mark.slow
@pytest.mark.parametrize("name", ["celery", "celery-threads", "django-tasks-db", "huey", "dramatiq", "rq"])
def test_the_new_one_works_while_the_old_one_ends_its_task(
    name: str, make_runner: MakeRunner, site: Site, tmp_path: Path
) -> None:
    case, gate = CASES[name], tmp_path / "gate"
    skip_without(case.module)
    runner = make_runner(case.runner)
    runner.environment["JOBS_GATE"] = str(gate)
    assert site.up(*declared(case.backend, case.declaration, runner.environment).processes)["done"]
    old = site.instance("worker.1")["pid"]
    enqueue(runner)
    assert runner.words.next() == "began"
    client = site.connect()
    roll = client.ask("roll", {"names": ["worker"]})
    until(lambda: phases(site) == ["ready", "stopping"], lambda: f"{phases(site)}\n{site.log('worker.1')}")
    tasks = 1 + enqueue_until_one_begins(runner)
    assert phases(site) == ["ready", "stopping"], "the old one has its task still"
    gate.touch()
    words = [runner.words.next() for _ in range(2 * (tasks - 1))]
    assert (words.count("began"), words.count("ended")) == (tasks - 2, tasks), "each task ran once, to its end"
    assert client.answer(roll)["done"]
    client.close()
    assert phases(site) == ["ready"]
    assert site.instance("worker.1")["pid"] != old
    assert runner.words.is_quiet()
    site.down()  # while its broker is there


def test_a_singleton_is_restarted_and_never_there_twice(make_runner: MakeRunner, site: Site) -> None:
    skip_without("celery")
    runner = make_runner("celery")
    site.up(*declared("celery-beat", Declaration(app="jobsite.celery.app"), runner.environment).processes)
    old = site.instance("worker.1")["pid"]
    refused = site.call("roll", {"names": ["worker"]})
    assert not refused["done"]
    assert "cannot roll a singleton" in refused["text"][0]
    client = site.connect()
    client.ask("watch")
    restart = client.ask("restart", {"names": ["worker"]})
    names: list[str] = []
    while "done" not in (message := client.next()) or message["id"] != restart:
        names += [message["change"]["phase"]] if "change" in message else []
    client.close()
    assert names.index("sweeping") < names.index("starting"), "nothing of the old one was left"
    assert site.instance("worker.1")["pid"] != old
    site.down()  # while its broker is there


def declared(backend: str, declaration: Declaration, environment: Mapping[str, str]) -> Stack:
    """The stack of one process, `worker`."""
    said = {settings_key(each.name): getattr(declaration, each.name) for each in fields(declaration)}
    raw = {key: value for key, value in said.items() if value} | {"BACKEND": backend, "ENV": dict(environment)}
    stack, problems = load(read_settings({"worker": raw}, None, "jobsite.settings"), SITE)
    assert stack is not None, problems
    return stack


def enqueue(runner: Runner) -> None:
    runner.manage("enqueue", str(runner.words.path))


def enqueue_until_one_begins(runner: Runner) -> int:
    """How many it took: the old one may have fetched some that it gives back only when it ends."""
    for count in range(1, TASKS_MAX):
        enqueue(runner)
        try:
            assert runner.words.next(NEXT_TASK_SECONDS) == "began"
        except TimeoutError:
            continue
        return count
    raise AssertionError("the new one does not work")


def phases(site: Site) -> list[str]:
    return sorted(view["phase"] for view in site.status()["instances"])
