"""Renewal by age and by memory: rolled or restarted, one of a process at a time, and not for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from procession.stack.model import Limits, ProbeType, Process
from procession.supervisor.core import actions as do
from procession.supervisor.core import events as on
from procession.supervisor.core.decide import next_deadline
from procession.supervisor.core.instance import Phase
from procession.supervisor.core.wear import age_due, spread
from tests.core.history import History
from tests.core.stacks import process, stack, task

HOUR = 3600.0
GIB = 2**30


def aging(*, replicas: int = 2, max_surge: int = 0) -> History:
    limits = Limits(memory_bytes=GIB)
    web = replace(process("web", replicas=replicas, max_surge=max_surge), max_age_seconds=HOUR, limits=limits)
    history = History(stack(web))
    history.is_ready(*(f"web.{number}" for number in range(1, replicas + 1)))
    return history


def wait_until(history: History, when: float) -> None:
    """Tick as the loop does, at each deadline until then."""
    while (due := next_deadline(history.model)) is not None and due <= when:
        assert due > history.now or history.now == due, "a deadline that passes again and again would be a busy loop"
        history.now = max(history.now, due)
        before = history.model
        history.tell(on.Tick())
        assert history.model != before, "a tick that changes nothing would come again at once"
    history.now = when


def kinds(history: History) -> list[str]:
    return [record.kind for record in history.done(do.Record)]


def test_each_life_has_an_age_of_its_own_within_a_tenth() -> None:
    factors = {spread(f"web.{number}", life) for number in range(1, 20) for life in range(1, 20)}
    assert len(factors) > 300
    assert all(0.9 <= factor <= 1.1 for factor in factors)
    assert min(factors) < 0.92
    assert max(factors) > 1.08


def test_it_sleeps_until_the_first_is_old_and_restarts_that_one_alone() -> None:
    history = aging()
    dues = {name: age_due(history.instance(name)) for name in ("web.1", "web.2")}
    first, second = sorted(dues, key=lambda name: dues[name] or 0.0)
    due = next_deadline(history.model)
    assert due == dues[first]
    assert due is not None
    assert 0.9 * HOUR <= due - 100.0 <= 1.1 * HOUR
    history.now = due
    history.tell(on.Tick())
    assert kinds(history) == ["aged", "stopping"]
    assert history.instance(first).blame == "has reached MAX_AGE of 60 min"
    assert history.instance(second).phase is Phase.READY


def test_two_that_are_old_at_once_are_restarted_one_after_the_other() -> None:
    history = aging()
    history.now += 2 * HOUR
    history.tell(on.Tick())
    stopping = [name for name, phase in history.phases().items() if phase == "stopping"]
    assert len(stopping) == 1
    (first,) = stopping
    (second,) = {"web.1", "web.2"} - {first}
    history.dies(first, 0)
    assert history.phases() == {first: "starting", second: "ready"}
    history.runs(first)
    assert history.phases()[second] == "ready"
    history.probes(first, ok=True)
    assert history.phases() == {first: "ready", second: "stopping"}
    assert history.instance(first).deaths == 0


def test_it_is_rolled_where_it_can_be() -> None:
    history = aging(replicas=1, max_surge=1)
    history.now += 2 * HOUR
    history.tell(on.Tick())
    assert set(kinds(history)) == {"aged", "roll-begun", "starting"}
    old = history.old("web.1")
    assert old is not None
    assert old.phase is Phase.READY
    history.is_ready("web.1")
    history.old_dies("web.1")
    assert history.phases() == {"web.1": "ready"}


def test_a_roll_that_was_called_off_is_tried_again_one_age_later() -> None:
    history = aging(replicas=1, max_surge=1)
    history.now += 2 * HOUR
    began = history.now
    history.tell(on.Tick())
    history.runs("web.1")
    history.dies("web.1", 3)
    assert history.phases() == {"web.1": "ready"}
    due = next_deadline(history.model)
    assert due is not None
    assert due - began >= 0.9 * HOUR
    assert history.instance("web.1").blame == ""


def test_an_adopted_life_keeps_its_age() -> None:
    history = History(stack(replace(process("web"), max_age_seconds=HOUR)))
    life = history.instance("web.1").life
    history.tell(on.Adopted("web.1", life, 77, was_ready=True, age_seconds=3000.0))
    due = next_deadline(history.model)
    assert due == pytest.approx(history.now - 3000.0 + HOUR * spread("web.1", life))


def test_what_uses_too_much_is_restarted_and_the_event_says_why() -> None:
    history = aging(replicas=1)
    history.now += 100.0
    history.tell(on.Grown("web.1", history.instance("web.1").life, 3 * GIB // 2))
    (record,) = [record for record in history.done(do.Record) if record.kind == "outgrown"]
    because = 'used 1.5 GB, more than LIMITS["memory"] of 1.0 GB'
    assert record.detail == {"used_bytes": 3 * GIB // 2, "limit_bytes": GIB, "because": because}
    assert history.instance("web.1").phase is Phase.STOPPING
    life = history.instance("web.1").life
    history.tell(on.Died("web.1", life, 0))
    assert history.instance("web.1").last_exit == f"exited with 0, stopped because it {because}"


def test_a_limit_that_no_life_can_keep_costs_one_restart_in_a_while() -> None:
    history = aging(replicas=1)
    restarts = 0
    for _ in range(1200):
        history.now += 0.5
        history.tell(on.Grown("web.1", history.instance("web.1").life, 2 * GIB))
        if history.phases()["web.1"] == "stopping":
            restarts += 1
            history.dies("web.1", 0)
            history.is_ready("web.1")
    assert restarts == 10  # in 600 s; the longest backoff is 60 s


def test_what_a_person_stops_meanwhile_stays_stopped() -> None:
    history = aging()
    history.now += 2 * HOUR
    history.tell(on.Tick())
    (worn,) = [name for name, phase in history.phases().items() if phase == "ready"]
    assert history.instance(worn).worn
    history.tell(on.Stop((worn,), operation=5))
    history.dies(worn, 0)
    assert history.phases()[worn] == "stopped"
    assert history.instance(worn).worn == ""


@pytest.mark.parametrize("kind", ["a task", "one that is not ready"])
def test_is_left_alone(kind: str) -> None:
    declared: Process = task("web") if kind == "a task" else process("web", probe=ProbeType.NOTIFY)
    history = History(stack(replace(declared, max_age_seconds=1.0, limits=Limits(memory_bytes=1))))
    history.runs("web.1")
    phase = history.phases()["web.1"]
    history.now += 20.0
    history.tell(on.Grown("web.1", history.instance("web.1").life, GIB))
    history.tell(on.Tick())
    assert history.phases()["web.1"] == phase


def test_a_clock_that_ticks_at_each_deadline_never_spins() -> None:
    history = aging(replicas=3)
    wait_until(history, history.now + 1.05 * HOUR)
    assert "stopping" not in history.phases().values() or "ready" in history.phases().values()
