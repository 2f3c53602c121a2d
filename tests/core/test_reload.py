"""Reloading: by the program's own signal where it is safe, else by a roll, else by a restart; and it is said which."""

from __future__ import annotations

from dataclasses import replace

import pytest

from procession.stack.model import Probe, ProbeType, Process
from procession.supervisor.core import actions as do
from procession.supervisor.core import events as on
from tests.core.history import History
from tests.core.stacks import process, stack


def reloaded(declared: Process, *, is_ready: bool = True) -> History:
    history = History(stack(declared))
    if is_ready:
        history.is_ready("web.1")
    history.tell(on.Reload(("web",), operation=2))
    return history


def ways(history: History) -> list[object]:
    return [action.detail["by"] for action in history.done(do.Record) if action.kind == "reload-asked"]


def test_a_program_with_a_safe_signal_gets_it_and_keeps_its_life() -> None:
    history = reloaded(process("web", reload_signal="HUP", max_surge=1))
    assert history.done(do.SendSignal) == [do.SendSignal("web.1", 1, "HUP")]
    assert (ways(history), history.done(do.Spawn)) == (["SIGHUP"], [])
    assert history.replies[2] == do.Reply(
        2, done=True, text=("web.1: SIGHUP sent to pid 1001, which reloads by itself",)
    )


def test_one_without_is_rolled() -> None:
    history = reloaded(process("web", max_surge=1))
    assert ways(history) == ["roll"]
    assert 2 not in history.replies, "the new one is not ready yet"
    history.is_ready("web.1")
    history.old_dies("web.1")
    why = "command, as it is run here, has no safe reload of its own"
    assert history.replies[2] == do.Reply(2, done=True, text=(f"web.1: rolled, because {why}",))


def test_a_roll_that_comes_to_nothing_says_why_and_not_that_it_rolled() -> None:
    history = reloaded(process("web", max_surge=1))
    history.dies("web.1", 3)
    assert history.replies[2].text == ("web.1: the new one exited with 3; the old one, pid 1001, goes on",)
    assert history.replies[2].code == 1


@pytest.mark.parametrize(
    "declared",
    [
        process("web"),
        replace(process("web", max_surge=1), singleton=True),
        replace(process("web", max_surge=1), handoff=()),
    ],
    ids=["no surge", "singleton", "binds by itself"],
)
def test_what_cannot_be_rolled_either_is_restarted(declared: Process) -> None:
    history = reloaded(declared)
    assert ways(history) == ["restart"]
    assert [(action.name, action.signal) for action in history.done(do.SendSignal)] == [("web.1", "TERM")]
    history.dies("web.1", 0)
    history.is_ready("web.1")
    assert history.replies[2].text[0].startswith("web.1: restarted, because command, ")


@pytest.mark.parametrize("is_running", [True, False])
def test_a_program_that_is_not_ready_would_die_of_the_signal(is_running: bool) -> None:
    declared = process("web", reload_signal="HUP", max_surge=1)
    history = History(stack(declared))
    if is_running:
        history.runs("web.1")
    else:
        history.dies("web.1")
    phase = history.phases()["web.1"]
    history.tell(on.Reload(("web",), operation=2))
    assert ways(history) == ["restart"]
    assert "HUP" not in [action.signal for action in history.done(do.SendSignal)]
    if is_running:
        history.dies("web.1", 0)
    history.is_ready("web.1")
    assert history.replies[2].text == (f"web.1: restarted, because it was {phase}",)


def test_one_of_which_nobody_knows_whether_it_is_ready_gets_no_signal() -> None:
    declared = replace(process("web", reload_signal="HUP"), readiness=Probe(type=ProbeType.NONE))
    history = History(stack(declared))
    history.runs("web.1")
    history.tell(on.Reload(("web",), operation=2))
    assert ways(history) == ["restart"]


def test_one_that_still_runs_an_older_declaration_needs_a_new_life() -> None:
    """A roll to it was called off; the code is not all that it would have to read again."""
    old = process("web", reload_signal="HUP", max_surge=1)
    history = History(stack(old))
    history.is_ready("web.1")
    history.tell(on.Apply(stack(replace(old, argv=("/bin/new",))), operation=2))
    history.dies("web.1", 3)
    history.tell(on.Reload(("web",), operation=3))
    assert ways(history) == ["roll"]
    history.is_ready("web.1")
    history.old_dies("web.1")
    assert history.replies[3].text == ("web.1: rolled, because its declaration has changed",)


def test_what_a_person_stopped_stays_stopped() -> None:
    history = reloaded(process("web", reload_signal="HUP"))
    history.tell(on.Stop(("web",), operation=3))
    history.dies("web.1", 0)
    history.tell(on.Reload((), operation=4))
    assert history.replies[4] == do.Reply(4, done=True)
    history.tell(on.Reload(("web",), operation=5))
    assert history.replies[5].text == ("web.1: is stopped, there is nothing to reload; start it",)
    assert (history.replies[5].code, history.phases()) == (1, {"web.1": "stopped"})
