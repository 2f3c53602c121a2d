"""Startup, readiness and liveness, each on its own; and what a program says of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from procession.stack.model import ProbeType
from procession.supervisor.core import actions as do
from procession.supervisor.core import events as on
from procession.supervisor.core import view
from procession.supervisor.core.instance import Phase
from tests.core.history import History
from tests.core.stacks import process, stack


def starting(probe: ProbeType = ProbeType.HTTP, startup: ProbeType | None = ProbeType.EXEC) -> History:
    history = History(stack(process("web", probe=probe, startup=startup)))
    history.runs("web.1")
    return history


def asked(history: History) -> list[str]:
    """What the last event led to be asked."""
    return [watch.about for watch in history.done(do.Watch)]


def test_until_it_has_started_nothing_else_is_asked() -> None:
    history = History(stack(process("web", startup=ProbeType.EXEC)))
    assert asked(history) == ["startup"]
    history.runs("web.1")
    history.probes("web.1", ok=False, about="startup", times=50)
    history.waits(299)  # its readiness has 30 seconds, but those have not begun
    assert history.phases() == {"web.1": "starting"}
    history.probes("web.1", ok=True, about="startup")
    assert history.done(do.Unwatch) == [do.Unwatch("web.1", 1)]
    assert asked(history) == ["readiness", "liveness"]
    history.waits(29)
    assert history.phases() == {"web.1": "starting"}
    history.probes("web.1", ok=True)
    assert history.phases() == {"web.1": "ready"}
    assert asked(history) == []


def test_what_does_not_start_in_time_is_stopped_and_tried_again() -> None:
    history = starting()
    history.probes("web.1", ok=False, about="startup")
    history.waits(300)
    history.dies("web.1", -15)
    last_exit = "killed by SIGTERM, stopped because it was not started within 300 s: GET / gave 503"
    assert history.instance("web.1").last_exit == last_exit
    history.waits(1)
    assert asked(history) == ["startup"]
    assert history.instance("web.1").is_starting_up


def test_what_has_started_has_its_own_time_to_become_ready() -> None:
    history = starting()
    history.waits(200)
    history.probes("web.1", ok=True, about="startup")
    history.waits(30)
    assert history.instance("web.1").blame == "was not ready within 30 s: GET / gave 200"


def test_what_has_started_may_hang_before_it_is_ready() -> None:
    history = starting()
    history.probes("web.1", ok=True, about="startup")
    history.probes("web.1", ok=False, about="liveness", times=3)
    assert history.done(do.Abort) == [do.Abort("web.1", 1)]


def test_who_tells_readiness_may_do_so_before_it_is_seen_to_have_started() -> None:
    history = starting(ProbeType.APP)
    history.tell(on.Told("web.1", 1, ready=True))
    assert history.phases() == {"web.1": "starting"}
    history.probes("web.1", ok=True, about="startup")
    assert history.phases() == {"web.1": "ready"}
    assert [record.kind for record in history.done(do.Record)] == ["ready"]


def test_startup_alone_is_enough_where_readiness_is_not_asked() -> None:
    history = starting(ProbeType.NONE)
    assert history.phases() == {"web.1": "starting"}
    history.probes("web.1", ok=True, about="startup")
    assert history.phases() == {"web.1": "ready"}


def test_a_program_may_say_itself_that_it_has_started() -> None:
    history = starting(ProbeType.HTTP, startup=ProbeType.NOTIFY)
    history.tell(on.Told("web.1", 1, ready=True))
    assert asked(history) == ["readiness", "liveness"]
    assert history.phases() == {"web.1": "starting"}


def test_an_adopted_one_that_was_not_ready_is_asked_whether_it_has_started() -> None:
    history = starting()
    history.tell(on.Adopted("web.1", 1, 1000, was_ready=False, age_seconds=5.0))
    assert asked(history) == ["startup"]
    history.tell(on.Adopted("web.1", 1, 1000, was_ready=True, age_seconds=5.0))
    assert asked(history) == ["readiness", "liveness"]


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.READY])
def test_who_finds_out_by_itself_that_it_hangs_is_aborted(phase: Phase) -> None:
    history = starting(startup=None)
    history.probes("web.1", ok=phase is Phase.READY)
    assert history.instance("web.1").phase is phase
    history.tell(on.Told("web.1", 1, is_hung=True))
    assert history.instance("web.1").blame == "hung: it says so itself"
    assert history.done(do.Abort) == [do.Abort("web.1", 1)]


def test_who_says_that_it_stops_is_let_alone_for_the_time_of_its_ladder() -> None:
    history = starting(startup=None)
    history.probes("web.1", ok=True)
    history.waits(10)
    history.tell(on.Told("web.1", 1, is_stopping=True))
    assert history.phases() == {"web.1": "stopping"}
    assert history.done(do.SendSignal) == []
    assert view.change(history.model, "web.1", history.now)["why"] == "said that it stops"
    history.waits(14)
    assert history.done(do.KillTree) == []
    history.dies("web.1", 0)
    assert history.phases() == {"web.1": "starting"}  # nobody has asked for its end
    history.tell(on.Told("web.1", 2, is_stopping=True))
    history.waits(15)
    assert history.done(do.KillTree) == [do.KillTree("web.1", 2)]


def test_what_it_says_of_itself_is_kept_beside_what_probes_see() -> None:
    history = starting(startup=None)

    def says() -> object:
        return view.change(history.model, "web.1", history.now)["says"]

    history.tell(on.Told("web.1", 1, status="loading 3 of 7"))
    assert says() == "loading 3 of 7"
    assert view.change(history.model, "web.1", history.now)["why"] == "loading 3 of 7"
    history.probes("web.1", ok=False)
    assert says() == "loading 3 of 7"
    assert view.change(history.model, "web.1", history.now)["why"] == "GET / gave 503"
    assert history.done(do.Changed) == [do.Changed("web.1")]
    history.tell(on.Told("web.1", 1, status="reloading"))
    history.tell(on.Told("web.1", 1, ready=True))
    assert says() == ""


def three_workers() -> History:
    """Of a web server: it has been started, and its site's word is what readiness waits for."""
    web = replace(process("web", probe=ProbeType.APP), tells_ready=True, workers=3)
    history = History(stack(web))
    history.runs("web.1")
    return history


def test_it_is_ready_when_all_its_workers_have_loaded_the_site() -> None:
    history = three_workers()
    for pid, phase in ((7, "starting"), (7, "starting"), (8, "starting"), (9, "ready")):
        history.tell(on.Told("web.1", 1, pid=pid, ready=True))
        assert history.phases() == {"web.1": phase}
        if phase == "starting":
            assert history.instance("web.1").said == f"{pid - 6} of 3 workers have loaded the site"


def test_the_last_worker_is_not_waited_for_for_ever() -> None:
    history = three_workers()
    history.tell(on.Told("web.1", 1, pid=7, ready=True))
    history.waits(4.9)
    assert history.phases() == {"web.1": "starting"}
    history.waits(0.2)
    assert history.phases() == {"web.1": "ready"}


def test_a_main_process_that_has_loaded_the_site_speaks_for_its_workers() -> None:
    history = three_workers()
    history.tell(on.Told("web.1", 1, pid=history.instance("web.1").pid, ready=True))
    assert history.phases() == {"web.1": "ready"}
