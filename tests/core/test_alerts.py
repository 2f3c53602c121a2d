"""What people are told of, and when: histories, each a bad night of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from procession.lease.holder import EXIT_LOST
from procession.stack.model import AlertKind, Alerts, Process
from procession.supervisor.core import actions as do
from procession.supervisor.core import alerts, outbox
from procession.supervisor.core import events as on
from procession.supervisor.core.alert_table import TABLE, Effect, Happening, Ignored, Stage, Step
from procession.supervisor.core.alerts import EFFECTS, FINDINGS_MAX, LEASE_LOST, Board, Notice
from procession.supervisor.core.instance import OutOfMemory
from procession.supervisor.core.outbox import ATTEMPTS_MAX, PARCELS_MAX, Outbox
from tests.core.history import History
from tests.core.stacks import process, stack, task

RULES = Alerts(email=("ops@example.com",))


class Night(History):
    """A history, with somebody who is told."""

    def __init__(self, *processes: Process, rules: Alerts = RULES) -> None:
        self.board = Board(rules=rules)
        self.messages: list[tuple[Notice, ...]] = []
        super().__init__(stack(*processes))

    def tell(self, event: on.Event) -> None:
        super().tell(event)
        self.board = alerts.saw(self.board, self.model, self.did, self.now)

    def waits(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := alerts.next_due(self.board)) is not None and due <= end:
            super().waits(max(0.0, due - self.now))
            self.board, notices = alerts.tick(self.board, self.now)
            self.messages += [notices] if notices else []
        super().waits(end - self.now)

    def crash_loops(self, name: str, times: int = 3) -> None:
        for _ in range(times):
            self.runs(name)
            self.dies(name, 3)
            self.waits(70.0)

    def said(self) -> list[list[str]]:
        """Each message, in short."""
        return [[f"{one.subject} {one.state}" for one in message] for message in self.messages]


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("happening", Happening)
def test_every_pair_has_a_cell(stage: Stage, happening: Happening) -> None:
    cell = TABLE[stage, happening]
    if isinstance(cell, Ignored):
        assert len(cell.why.split()) >= 3
    else:
        assert (cell.stage, cell.effects) != (stage, ())


def test_every_effect_is_carried_out_and_used() -> None:
    used = {effect for cell in TABLE.values() if isinstance(cell, Step) for effect in cell.effects}
    assert used == set(Effect) == set(EFFECTS)


def test_a_hundred_deaths_are_one_alert() -> None:
    night = Night(process("web"))
    night.crash_loops("web.1", times=100)
    assert night.said() == [["web open"]]
    night.is_ready("web.1")
    night.waits(59.0)
    assert len(night.messages) == 1
    night.waits(12.0)
    assert night.said()[1:] == [["web recovered"]]


def test_ready_for_a_moment_is_not_recovered() -> None:
    night = Night(process("web"))
    night.crash_loops("web.1")
    for _ in range(20):
        night.is_ready("web.1")
        night.waits(50.0)
        night.dies("web.1")
        night.waits(1.0)
    assert night.said() == [["web open"]]


def test_what_comes_back_must_be_well_for_longer() -> None:
    night = Night(process("web"))
    for _ in range(60):
        night.crash_loops("web.1")
        night.is_ready("web.1")
        night.waits(240.0)
    assert len(night.messages) < 20, "and there were sixty of them"


def test_more_messages_than_an_hour_has_room_for_become_one() -> None:
    names = [f"web{number}" for number in range(9)]
    night = Night(*(process(name) for name in names), rules=replace(RULES, hourly=3))
    for name in names:
        night.runs(f"{name}.1")
        for _ in range(3):
            night.dies(f"{name}.1", 3)
            night.waits(10.0)
            night.runs(f"{name}.1")
    assert len(night.messages) == 3
    night.waits(3600.0)
    assert sorted(said for message in night.said() for said in message) == [f"{name} open" for name in names]
    assert len(night.messages) == 4


def test_unready_is_told_when_it_lasts() -> None:
    night = Night(process("web"))
    night.is_ready("web.1")
    for seconds in (20.0, 60.0):
        night.probes("web.1", ok=False, times=3)
        night.waits(seconds)
        night.probes("web.1", ok=True)
        night.waits(100.0)
    assert night.said() == [["web open"], ["web recovered"]]
    assert night.messages[0][0].findings == (alerts.Finding(AlertKind.UNREADY, "web.1", "GET / gave 503"),)


def test_all_that_goes_with_the_database_is_one_message() -> None:
    night = Night(process("web", replicas=2), process("worker"))
    night.is_ready("web.1", "web.2", "worker.1")
    for name in ("web.1", "worker.1", "web.2"):
        night.probes(name, ok=False, times=3)
        night.waits(2.0)
    night.waits(60.0)
    assert night.said() == [["web open", "worker open"]]


def test_who_gave_up_is_worse_than_who_dies_again_and_again() -> None:
    night = Night(process("web", give_up=5))
    night.crash_loops("web.1", times=5)
    assert [sorted(one.kind for one in message[0].findings) for message in night.messages] == [
        ["crash-looping"],
        ["crash-looping", "failed"],
    ]
    night.tell(on.Start(("web",)))
    night.is_ready("web.1")
    night.waits(80.0)
    assert night.said() == [["web open"], ["web open"], ["web recovered"]]


def test_a_task_that_is_tried_again_is_well_when_it_is_done() -> None:
    night = Night(task("migrate"))
    night.runs("migrate.1")
    night.dies("migrate.1", 1)
    night.waits(600.0)
    night.tell(on.Start(("migrate",)))
    night.runs("migrate.1")
    night.waits(600.0)
    assert night.said() == [["migrate open"]]
    night.dies("migrate.1", 0)
    night.waits(100.0)
    assert night.said()[1:] == [["migrate recovered"]]


@pytest.mark.parametrize("is_main", [True, False])
def test_out_of_memory(is_main: bool) -> None:
    night = Night(process("web"))
    night.is_ready("web.1")
    life = night.instance("web.1").life
    if is_main:
        night.tell(on.Died("web.1", life, -9, OutOfMemory.LIMIT))
        night.tell(on.TreeGone("web.1", life))
        night.waits(1.0)
        night.is_ready("web.1")
    else:
        night.tell(on.MemoryKilled("web.1", life, 1, OutOfMemory.LIMIT))
    night.waits(100.0)
    assert night.said() == [["web open"], ["web recovered"]]
    assert night.messages[0][0].findings[0].kind is AlertKind.OUT_OF_MEMORY


def test_a_singleton_that_lost_its_lease() -> None:
    night = Night(replace(process("beat"), singleton=True, lease="beat"))
    night.is_ready("beat.1")
    night.dies("beat.1", LEASE_LOST)
    night.waits(1.0)
    night.runs("beat.1")
    night.tell(on.Told("beat.1", night.instance("beat.1").life, status="db2 holds the lease", standby=True))
    night.waits(100.0)
    assert night.said() == [["beat open"], ["beat recovered"]]
    assert night.messages[0][0].findings[0].kind is AlertKind.SINGLETON_LOST
    assert LEASE_LOST == EXIT_LOST, "these are the same, in two layers"


def test_the_disk() -> None:
    night = Night(process("web"))
    night.board = alerts.disk(night.board, "No space left on device", night.now)
    night.waits(100.0)
    night.board = alerts.disk(night.board, "", night.now)
    night.waits(100.0)
    assert night.said() == [[" open"], [" recovered"]]


def test_what_a_person_stops_is_over_at_once() -> None:
    night = Night(process("web"))
    night.crash_loops("web.1")
    night.tell(on.Stop(("web",)))
    night.waits(11.0)
    assert night.said() == [["web open"], ["web stopped"]]


def test_what_is_declared_no_more_is_over() -> None:
    night = Night(process("web"), process("worker"))
    night.crash_loops("web.1")
    night.tell(on.Apply(stack(process("worker"))))
    night.waits(11.0)
    assert night.said() == [["web open"], ["web stopped"]]


def test_a_kind_that_nobody_wants_to_hear_of() -> None:
    night = Night(process("web"), rules=replace(RULES, kinds=(AlertKind.FAILED,)))
    night.crash_loops("web.1", times=10)
    assert night.said() == []


def test_a_hundred_instances_are_one_message_of_some_lines() -> None:
    night = Night(process("web", replicas=100))
    for number in range(1, 101):
        night.runs(f"web.{number}")
    for _ in range(4):
        for number in range(1, 101):
            if night.instance(f"web.{number}").phase == "starting":
                night.dies(f"web.{number}", 3)
        night.waits(5.0)
        for number in range(1, 101):
            night.runs(f"web.{number}")
    night.waits(11.0)
    assert night.said() == [["web open"]]
    assert len(night.board.alerts["web"].findings) == FINDINGS_MAX
    for number in range(1, 101):
        night.probes(f"web.{number}", ok=True)
    night.waits(100.0)
    assert night.said()[1:] == [["web recovered"]]


def test_a_storm_of_events_without_an_alert_leaves_the_board_as_it_is() -> None:
    """The very same: nothing is written down for it."""
    night = Night(process("web"))
    before = night.board
    night.is_ready("web.1")
    night.tell(on.Restart(("web",)))
    assert night.board is before
    assert any(isinstance(action, do.Changed) for action in night.did)


def test_what_did_not_get_through_is_tried_again_by_that_channel_alone_until_it_is_given_up() -> None:
    box, _ = outbox.put(Outbox(), {}, ("email", "webhook"), 0.0)
    now, attempts = 0.0, []
    while (due := outbox.next_due(box)) is not None:
        box, parcel = outbox.take(box, due)
        assert parcel is not None
        assert outbox.take(box, due + 1e9) == (box, None), "one is in hand"
        attempts.append((due - now, parcel.channels))
        now = due
        box, _ = outbox.end_attempt(box, {"email": "", "webhook": "it answered 503"}, now)
    waits = [seconds for seconds, _ in attempts]
    assert waits[:8] == [0.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 900.0]
    assert [channels for _, channels in attempts] == [("email", "webhook"), *[("webhook",)] * (ATTEMPTS_MAX - 1)]


def test_the_outbox_has_an_end() -> None:
    box, given_up = Outbox(), []
    for _ in range(3 * PARCELS_MAX):
        box, lost = outbox.put(box, {}, ("email",), 0.0)
        given_up += [parcel.number for parcel in lost]
    assert len(box.parcels) == PARCELS_MAX
    assert given_up == list(range(1, 2 * PARCELS_MAX + 1))
