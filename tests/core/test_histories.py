"""What happens to one instance, told as histories: restarts, backoff, readiness, liveness, the stop ladder."""

from __future__ import annotations

from dataclasses import replace

import pytest

from procession.stack.model import Backoff, Limits, Probe, ProbeType, RestartWhen
from procession.supervisor.core import actions as do
from procession.supervisor.core import events as on
from procession.supervisor.core.backoff import JITTER, delay_seconds, jitter
from procession.supervisor.core.decide import next_deadline
from procession.supervisor.core.instance import OutOfMemory, Phase
from tests.core.history import History
from tests.core.stacks import process, stack


def ready_web(**changes: object) -> History:
    history = History(stack(replace(process("web"), **changes)))  # type: ignore[arg-type]
    history.is_ready("web.1")
    return history


def test_up_is_answered_when_everything_is_ready() -> None:
    history = History(stack(process("web")))
    history.runs("web.1")
    assert 1 not in history.replies
    history.probes("web.1", ok=True)
    assert history.replies[1] == do.Reply(1, done=True)


def test_a_steady_instance_that_dies_is_started_at_once() -> None:
    history = ready_web()
    history.waits(6)
    history.dies("web.1")
    assert [spawn.name for spawn in history.done(do.Spawn)] == ["web.1"]
    assert history.instance("web.1").deaths == 0
    assert history.instance("web.1").restarts == 1


def test_early_deaths_wait_longer_each_time_and_are_called_crash_looping() -> None:
    history = History(stack(process("web")))
    waits = []
    for _ in range(4):
        history.runs("web.1")
        history.dies("web.1", 3)
        deadline = next_deadline(history.model)
        assert deadline is not None
        waits.append(deadline - history.now)
        history.waits(waits[-1])
    for wait, exact in zip(waits, (0.5, 1, 2, 4), strict=True):
        assert exact <= wait <= exact * (1 + JITTER)
    assert history.instance("web.1").is_crash_looping
    assert history.replies[1].text == ("web.1: crash-looping: exited with 3, early death number 3",)


def test_it_never_gives_up_unless_it_is_told_when() -> None:
    patient = History(stack(process("web")))
    hasty = History(stack(process("web", give_up=2)))
    for _ in range(20):
        patient.dies("web.1", 1)
        patient.waits(patient.instance("web.1").deadline - patient.now)  # type: ignore[operator]
    hasty.dies("web.1", 1)
    hasty.waits(1)
    hasty.dies("web.1", 1)
    assert patient.instance("web.1").deaths == 20
    assert hasty.phases() == {"web.1": "failed"}
    assert hasty.instance("web.1").deaths == 2


def test_a_person_starts_what_had_failed_with_a_clean_slate() -> None:
    history = History(stack(process("web", give_up=1)))
    history.dies("web.1", 1)
    history.tell(on.Start(("web",), operation=2))
    assert history.phases() == {"web.1": "starting"}
    assert history.instance("web.1").deaths == 0


def test_what_is_not_ready_in_time_is_stopped_and_tried_again() -> None:
    history = History(stack(process("web")))
    history.runs("web.1")
    history.probes("web.1", ok=False)
    history.waits(30)
    assert history.done(do.SendSignal) == [do.SendSignal("web.1", 1, "TERM")]
    history.dies("web.1", -15)
    web = history.instance("web.1")
    assert web.phase is Phase.BACKOFF
    assert web.last_exit == "killed by SIGTERM, stopped because it was not ready within 30 s: GET / gave 503"


def test_a_program_that_asks_for_more_time_gets_it() -> None:
    history = History(stack(replace(process("web", probe=ProbeType.NOTIFY))))
    history.runs("web.1")
    history.waits(20)
    history.tell(on.Told("web.1", 1, extend_seconds=60))
    history.tell(on.Told("web.1", 1, extend_seconds=1))  # it is never less than it had
    history.waits(59)
    assert history.phases() == {"web.1": "starting"}
    history.waits(1)
    assert history.phases() == {"web.1": "stopping"}
    history.tell(on.Told("web.1", 1, extend_seconds=20))  # and the first rung of its ladder, too, which has 10
    history.waits(19)
    assert history.done(do.SendSignal) == []
    history.waits(1)
    assert history.done(do.SendSignal) == [do.SendSignal("web.1", 1, "QUIT")]


def test_it_is_unready_after_three_failed_probes_and_ready_after_one_good_one() -> None:
    history = ready_web()
    history.probes("web.1", ok=False, times=2)
    assert history.phases() == {"web.1": "ready"}
    history.probes("web.1", ok=False)
    assert history.phases() == {"web.1": "unready"}
    history.probes("web.1", ok=True)
    assert history.phases() == {"web.1": "ready"}


def test_readiness_that_is_asked_for_only_once_is_not_asked_again() -> None:
    history = ready_web(readiness=Probe(type=ProbeType.HTTP, failures=0), liveness=None)
    assert history.done(do.Unwatch) == [do.Unwatch("web.1", 1)]


def test_what_a_program_says_of_its_readiness_counts_only_if_it_is_to_tell() -> None:
    asked = History(stack(process("web", probe=ProbeType.HTTP)))
    told = History(stack(process("web", probe=ProbeType.APP)))
    for history in (asked, told):
        history.runs("web.1")
        history.tell(on.Told("web.1", 1, ready=True))
    assert asked.phases() == {"web.1": "starting"}
    assert told.phases() == {"web.1": "ready"}


def test_what_hangs_is_aborted_so_that_it_leaves_a_traceback_then_killed() -> None:
    history = ready_web()
    history.probes("web.1", ok=False, about="liveness", times=3)
    assert history.done(do.Abort) == [do.Abort("web.1", 1)]
    history.tell(on.Told("web.1", 1, extend_seconds=60))  # what hangs has nothing to say
    history.waits(10)
    assert history.done(do.KillTree) == [do.KillTree("web.1", 1)]
    history.dies("web.1", -9)
    assert history.instance("web.1").last_exit == "killed by SIGKILL, stopped because it hung: GET / gave 503, 3 times"


def test_a_stop_climbs_the_ladder_and_ends_in_a_kill() -> None:
    history = ready_web()
    history.tell(on.Stop(("web",), operation=2))
    assert history.done(do.SendSignal) == [do.SendSignal("web.1", 1, "TERM")]
    history.waits(10)
    assert history.done(do.SendSignal) == [do.SendSignal("web.1", 1, "QUIT")]
    history.waits(5)
    assert history.done(do.KillTree) == [do.KillTree("web.1", 1)]
    history.dies("web.1")
    assert history.replies[2] == do.Reply(2, done=True)
    assert history.phases() == {"web.1": "stopped"}


def test_what_survives_a_kill_is_named() -> None:
    history = ready_web()
    history.tell(on.Stop(("web",), operation=2))
    history.waits(20)
    history.tell(on.Survived("web.1", 1, ("4121 (gunicorn)",)))
    assert history.replies[2] == do.Reply(2, done=False, text=("web.1: could not be killed: 4121 (gunicorn)",), code=1)


def test_late_news_of_an_earlier_life_means_nothing() -> None:
    history = ready_web()
    history.waits(6)
    history.dies("web.1")
    history.tell(on.Died("web.1", 1, -9))
    history.tell(on.TreeGone("web.1", 1))
    assert history.phases() == {"web.1": "starting"}


def test_a_program_that_cannot_be_started_says_why_and_is_tried_again() -> None:
    history = History(stack(process("web")))
    history.tell(on.SpawnFailed("web.1", 1, "cannot execute /bin/serve: no such file"))
    history.tell(on.TreeGone("web.1", 1))
    assert history.phases() == {"web.1": "backoff"}
    assert history.instance("web.1").last_exit == "cannot execute /bin/serve: no such file"


@pytest.mark.parametrize(
    ("restart", "status", "phase"),
    [
        (RestartWhen.ALWAYS, 0, "starting"),
        (RestartWhen.ALWAYS, 1, "starting"),
        (RestartWhen.ON_FAILURE, 0, "done"),
        (RestartWhen.ON_FAILURE, 1, "starting"),
        (RestartWhen.ON_FAILURE, None, "starting"),
        (RestartWhen.NEVER, 0, "done"),
        (RestartWhen.NEVER, 1, "failed"),
    ],
)
def test_what_a_death_leads_to_by_policy(restart: RestartWhen, status: int | None, phase: str) -> None:
    history = ready_web(restart=restart)
    history.waits(6)
    history.dies("web.1", status)
    assert history.phases() == {"web.1": phase}


@pytest.mark.parametrize(("deaths", "seconds"), [(0, 0), (1, 0.5), (2, 1), (3, 2), (7, 32), (8, 60), (10_000, 60)])
def test_backoff_doubles_up_to_its_cap(deaths: int, seconds: float) -> None:
    assert delay_seconds(deaths, Backoff()) == seconds


def test_jitter_spreads_instances_and_is_the_same_each_time() -> None:
    factors = {jitter(f"web.{number}", 1) for number in range(100)}
    assert len(factors) == 100
    assert all(1 <= factor <= 1 + JITTER for factor in factors)
    assert jitter("web.1", 1) == jitter("web.1", 1)


def test_an_answer_counts_only_once_the_site_has_spoken_for_itself() -> None:
    """Its replicas share the address: another one may have answered."""
    history = History(stack(replace(process("web"), tells_ready=True)))
    history.runs("web.1")
    history.probes("web.1", ok=True)
    assert history.phases() == {"web.1": "starting"}
    assert (
        history.instance("web.1").said == "its address answers, but the site in it has not said yet that it is loaded"
    )
    history.tell(on.Told("web.1", 1, ready=True))
    history.probes("web.1", ok=True)
    assert history.phases() == {"web.1": "ready"}


@pytest.mark.parametrize(
    ("killer", "text"),
    [
        (OutOfMemory.LIMIT, "killed by the kernel: out of memory (limit 512 MB)"),
        (OutOfMemory.MACHINE, "killed by the kernel: the machine was out of memory"),
        (OutOfMemory.LIKELY, "killed by SIGKILL, probably out of memory (the kernel's OOM killer ran)"),
        (OutOfMemory.NO, "killed by SIGKILL"),
    ],
)
def test_a_death_for_lack_of_memory_is_named(killer: OutOfMemory, text: str) -> None:
    history = History(stack(replace(process("web"), limits=Limits(memory_bytes=2**29))))
    history.is_ready("web.1")
    history.tell(on.Died("web.1", history.instance("web.1").life, -9, killer))
    assert history.instance("web.1").last_exit == text


def test_what_we_killed_ourselves_did_not_die_for_lack_of_memory() -> None:
    history = History(stack(process("web")))
    history.is_ready("web.1")
    history.tell(on.Stop(("web",)))
    for _ in range(2):
        history.now = next_deadline(history.model) or 0.0
        history.tell(on.Tick())
    assert history.phases() == {"web.1": "killing"}
    history.tell(on.Died("web.1", history.instance("web.1").life, -9, OutOfMemory.LIKELY))
    assert history.instance("web.1").last_exit == "killed by SIGKILL"
