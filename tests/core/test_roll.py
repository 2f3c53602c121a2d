"""Rolling: the new one is ready before the old one goes, and one that does not become ready changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from procession.stack.model import Condition, Probe, ProbeType
from procession.supervisor.core import actions as do
from procession.supervisor.core import events as on
from procession.supervisor.core.decide import decide
from procession.supervisor.core.instance import Phase
from procession.supervisor.core.memory import recall, remember
from procession.supervisor.core.view import change
from tests.core.history import History
from tests.core.stacks import process, stack, task


def running(*, replicas: int = 1, max_surge: int = 1) -> History:
    history = History(stack(process("web", replicas=replicas, max_surge=max_surge)))
    history.is_ready(*(f"web.{number}" for number in range(1, replicas + 1)))
    return history


def spawned(history: History) -> list[str]:
    return [action.name for action in history.done(do.Spawn)]


def signalled(history: History) -> list[tuple[str, int]]:
    return [(action.name, action.life) for action in history.done(do.SendSignal)]


def test_the_old_one_is_stopped_only_when_the_new_one_is_ready() -> None:
    history = running()
    history.tell(on.Roll(("web",), operation=2))
    assert (spawned(history), signalled(history)) == (["web.1"], [])
    history.runs("web.1")
    assert signalled(history) == []
    history.probes("web.1", ok=True)
    assert signalled(history) == [("web.1", 1)]
    assert 2 not in history.replies, "a roll has ended when the old one is gone"
    history.old_dies("web.1")
    assert history.replies[2].done
    assert history.phases() == {"web.1": "ready"}
    assert history.instance("web.1").restarts == 1


def test_replicas_are_rolled_one_after_the_other() -> None:
    history = running(replicas=3)
    history.tell(on.Roll(("web",), operation=2))
    for number in (1, 2, 3):
        assert spawned(history) == [f"web.{number}"]
        history.is_ready(f"web.{number}")
        history.old_dies(f"web.{number}")
    assert history.replies[2].done


def test_a_wider_surge_rolls_more_at_once() -> None:
    history = running(replicas=3, max_surge=2)
    history.tell(on.Roll(("web",), operation=2))
    assert spawned(history) == ["web.1", "web.2"]


@pytest.mark.parametrize("how", ["dies", "is late"])
def test_a_new_one_that_does_not_become_ready_leaves_the_old_one_serving(how: str) -> None:
    history = running(replicas=2)
    history.tell(on.Roll(("web",), operation=2))
    history.runs("web.1")
    if how == "is late":
        history.waits(30)
    assert signalled(history) == ([] if how == "dies" else [("web.1", 3)])
    history.dies("web.1", 1)
    assert history.phases() == {"web.1": "ready", "web.2": "ready"}
    assert history.instance("web.1").life == 1, "the old one has its place back"
    late = ", stopped because it was not ready within 30 s" if how == "is late" else ""
    assert history.replies[2] == do.Reply(
        2,
        done=False,
        code=1,
        text=(
            f"web.1: the new one exited with 1{late}; the old one, pid 1001, goes on",
            "web.2: not rolled, because web.1 was not ready",
        ),
    )
    assert next(a for a in history.done(do.Record) if a.kind == "roll-called-off").detail["because"]


def test_after_a_roll_that_was_called_off_the_next_one_is_a_new_chance() -> None:
    history = running()
    history.tell(on.Roll(("web",), operation=2))
    history.dies("web.1", 1)
    history.tell(on.Roll(("web",), operation=3))
    history.is_ready("web.1")
    history.old_dies("web.1")
    assert history.replies[3].done


def test_when_the_old_one_dies_meanwhile_the_new_one_carries_on_alone() -> None:
    history = running()
    history.tell(on.Roll(("web",), operation=2))
    history.old_dies("web.1", -9)
    assert history.phases() == {"web.1": "starting"}
    history.is_ready("web.1")
    assert history.replies[2].done


def test_the_log_stays_open_when_the_old_one_is_forgotten() -> None:
    history = running()
    history.tell(on.Roll(("web",)))
    history.is_ready("web.1")
    history.old_dies("web.1")
    assert history.done(do.CloseLog) == []
    assert history.done(do.Listen) == []


def test_a_dependent_does_not_notice() -> None:
    history = History(stack(process("db", max_surge=1), process("web", replicas=2, after={"db": Condition.READY})))
    history.is_ready("db.1", "web.1", "web.2")
    history.tell(on.Roll(("db",)))
    history.waits(6)
    history.dies("web.1")
    assert history.phases()["web.1"] == "starting"


def test_what_cannot_be_rolled_says_why_and_goes_on() -> None:
    beat = replace(process("beat", max_surge=1), singleton=True)
    alone = replace(process("alone", max_surge=1), handoff=())
    shared = replace(
        process("shared", max_surge=1), readiness=Probe(type=ProbeType.HTTP, address="unix:/run/shared.sock")
    )
    history = History(stack(beat, alone, process("strict"), shared))
    history.is_ready("beat.1", "alone.1", "strict.1", "shared.1")
    history.tell(on.Roll(("beat", "alone", "strict", "shared"), operation=2))
    assert history.replies[2].text == (
        "beat.1: cannot roll a singleton: two of it would be there at once; restart it",
        "alone.1: cannot roll: command binds its address by itself, so restart it",
        "strict.1: cannot roll with MAX_SURGE 0: a new one may not start beside the old one; restart it",
        'shared.1: cannot roll: the old one would answer for it; put "procession" into INSTALLED_APPS',
    )
    assert signalled(history) == []


def test_the_view_of_the_new_one_tells_of_the_old_one_that_drains() -> None:
    history = running()
    history.tell(on.Roll(("web",)))
    assert change(history.model, "web.1", history.now)["draining"] is None, "it serves still"
    history.is_ready("web.1")
    old = change(history.model, "web.1", history.now)["draining"]
    assert isinstance(old, dict)
    assert (old["phase"], old["why"]) == ("stopping", "finishes its work after SIGTERM")
    history.old_dies("web.1")
    assert change(history.model, "web.1", history.now)["draining"] is None


def test_without_names_what_can_be_rolled_is_and_the_rest_is_told() -> None:
    beat = replace(process("beat", max_surge=1), singleton=True)
    history = History(stack(process("web", max_surge=1), beat))
    history.is_ready("web.1", "beat.1")
    history.tell(on.Roll((), operation=2))
    assert spawned(history) == ["web.1"]
    history.is_ready("web.1")
    history.old_dies("web.1")
    assert history.replies[2].done
    assert history.replies[2].text == ("beat.1: cannot roll a singleton: two of it would be there at once; restart it",)
    assert history.instance("beat.1").life == 2, "it has been left alone"


def test_without_names_and_nothing_to_roll_it_is_refused() -> None:
    history = History(stack(replace(process("beat", max_surge=1), singleton=True)))
    history.is_ready("beat.1")
    history.tell(on.Roll((), operation=2))
    assert (history.replies[2].done, history.replies[2].code) == (False, 1)


def test_a_task_is_not_rolled() -> None:
    history = History(stack(task("migrate")))
    history.tell(on.Roll(("migrate",), operation=2))
    assert history.replies[2].text == ("migrate.1: cannot roll a task: it runs to its end; to run it again: start it",)


def test_why_the_last_roll_failed_is_forgotten_with_the_life_that_went_on() -> None:
    history = running()
    history.tell(on.Roll(("web",)))
    history.dies("web.1", 3)
    assert history.instance("web.1").roll_failed
    history.dies("web.1", 1)
    history.waits(6)
    assert history.instance("web.1").phase is Phase.STARTING
    assert not history.instance("web.1").roll_failed


def test_a_restart_rolls_where_it_can_and_an_update_too() -> None:
    history = running()
    history.tell(on.Restart(("web",)))
    assert (spawned(history), signalled(history)) == (["web.1"], [])
    history = running()
    history.tell(on.Apply(stack(process("web", max_surge=1, argv=("/bin/new",)))))
    assert (spawned(history), signalled(history)) == (["web.1"], [])


def test_an_update_whose_new_code_does_not_boot_says_so() -> None:
    history = running()
    history.tell(on.Apply(stack(process("web", max_surge=1, argv=("/bin/new",))), operation=2))
    history.dies("web.1", 3)
    assert history.replies[2].text == ("web.1: the new one exited with 3; the old one, pid 1001, goes on",)
    assert history.phases() == {"web.1": "ready"}


def test_a_stop_during_a_roll_ends_both() -> None:
    history = running()
    history.tell(on.Roll(("web",), operation=2))
    history.runs("web.1")
    history.tell(on.Stop(("web",), operation=3))
    assert signalled(history) == [("web.1", 1), ("web.1", 2)]
    history.dies("web.1", 0)
    assert 3 not in history.replies
    history.old_dies("web.1")
    assert history.replies[3].done
    assert history.phases() == {"web.1": "stopped"}


def test_a_supervisor_that_begins_again_goes_on_with_the_roll() -> None:
    history = running()
    history.tell(on.Roll(("web",)))
    history.runs("web.1")
    site = history.model.stack
    model = recall(site, remember(history.model))
    for life, outgoing in ((1, True), (2, False)):
        adopted = on.Adopted("web.1", life, pid=life, was_ready=outgoing, age_seconds=1, outgoing=outgoing)
        model, _ = decide(model, adopted, 200.0)
    model, _ = decide(model, on.Resume(), 200.0)
    assert {key: i.phase.value for key, i in model.instances.items()} == {"web.1/old": "ready", "web.1": "starting"}
    model, did = decide(model, on.Probed("web.1", 2, "readiness", ok=True), 201.0)
    assert [action.life for action in did if isinstance(action, do.SendSignal)] == [1]
