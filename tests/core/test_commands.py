"""What people ask for: order, dependencies, updates, scaling, and commands that meet each other."""

from __future__ import annotations

from dataclasses import replace

from procession.stack.model import Condition, Log
from procession.supervisor.core import actions as do
from procession.supervisor.core import events as on
from procession.supervisor.core.decide import decide
from procession.supervisor.core.memory import recall, remember
from procession.supervisor.core.view import status
from tests.core.history import History
from tests.core.stacks import process, stack, task

SITE = stack(
    task("migrate"),
    process("web", after={"migrate": Condition.COMPLETED}),
    process("worker", replicas=2, after={"web": Condition.READY}),
)


def running_site() -> History:
    history = History(SITE)
    history.runs("migrate.1")
    history.dies("migrate.1", 0)
    history.is_ready("web.1", "worker.1", "worker.2")
    return history


def signalled(history: History) -> list[str]:
    return [action.name for action in history.done(do.SendSignal)]


def test_each_starts_when_what_it_depends_on_is_there() -> None:
    history = History(SITE)
    assert history.phases() == {
        "migrate.1": "starting",
        "web.1": "waiting",
        "worker.1": "waiting",
        "worker.2": "waiting",
    }
    history.runs("migrate.1")
    history.dies("migrate.1", 0)
    assert history.phases() == {"migrate.1": "done", "web.1": "starting", "worker.1": "waiting", "worker.2": "waiting"}
    history.is_ready("web.1")
    assert history.phases()["worker.1"] == "starting"


def test_waiting_explains_itself() -> None:
    history = History(SITE)
    instances = status(history.model, history.now)["instances"]
    assert isinstance(instances, list)
    assert instances[1]["why"] == "waits for migrate: starts"


def test_a_failed_task_stops_up_and_says_why() -> None:
    history = History(SITE)
    history.runs("migrate.1")
    history.dies("migrate.1", 1)
    assert history.replies[1] == do.Reply(
        1,
        done=False,
        code=1,
        text=(
            "migrate.1: failed: exited with 1",
            "web.1: waits for migrate: failed: exited with 1",
            "worker.1: waits for web: waiting",
            "worker.2: waits for web: waiting",
        ),
    )


def test_down_stops_in_reverse_and_then_ends() -> None:
    history = running_site()
    history.tell(on.Down(operation=2))
    assert signalled(history) == ["worker.1", "worker.2"]
    history.dies("worker.1", 0)
    assert signalled(history) == []
    history.dies("worker.2", 0)
    assert signalled(history) == ["web.1"]
    history.dies("web.1", 0)
    assert history.done(do.Quit) == [do.Quit()]
    assert history.replies[2].done


def test_nothing_is_started_while_going_down() -> None:
    history = running_site()
    history.tell(on.Down())
    history.tell(on.Start(("web",), operation=3))
    assert history.replies[3].text == ("the supervisor is going down; run `procession up` when it has",)


def test_an_update_restarts_only_what_changed() -> None:
    history = running_site()
    changed = replace(
        SITE, processes=(SITE.processes[0], SITE.processes[1], replace(SITE.processes[2], argv=("/bin/new",)))
    )
    history.tell(on.Apply(changed, operation=2))
    assert [spawn.name for spawn in history.done(do.Spawn)] == ["migrate.1"]
    assert signalled(history) == ["worker.1", "worker.2"]
    assert history.phases()["web.1"] == "ready"


def test_an_update_of_what_is_read_when_it_is_needed_restarts_nothing() -> None:
    history = History(stack(process("web")))
    history.is_ready("web.1")
    history.tell(on.Apply(stack(replace(process("web"), log=Log(keep=3))), operation=2))
    assert history.done(do.OpenLog) == [do.OpenLog("web.1", Log(keep=3))]
    assert signalled(history) == []
    assert history.replies[2].done


def test_when_the_new_migration_fails_the_old_instances_go_on_serving() -> None:
    history = running_site()
    new = replace(SITE.processes[1], argv=("/bin/web", "--new"))
    history.tell(on.Apply(replace(SITE, processes=(SITE.processes[0], new, SITE.processes[2])), operation=2))
    history.runs("migrate.1")
    history.dies("migrate.1", 1)
    assert history.phases()["web.1"] == "ready"
    assert history.replies[2].text == (
        "migrate.1: failed: exited with 1",
        "web.1: still runs the old declaration, because its next start waits for migrate: failed: exited with 1",
    )


def test_when_the_new_migration_ends_well_the_changed_process_starts_again() -> None:
    history = running_site()
    new = replace(SITE.processes[1], argv=("/bin/web", "--new"))
    history.tell(on.Apply(replace(SITE, processes=(SITE.processes[0], new, SITE.processes[2])), operation=2))
    assert signalled(history) == []
    history.runs("migrate.1")
    history.dies("migrate.1", 0)
    assert signalled(history) == ["web.1"]


def test_what_is_no_longer_declared_ends_and_is_forgotten() -> None:
    history = running_site()
    history.tell(on.Apply(replace(SITE, processes=SITE.processes[:2]), operation=2))
    assert signalled(history) == ["worker.1", "worker.2"]
    history.dies("worker.1", 0)
    history.dies("worker.2", 0)
    assert list(history.model.instances) == ["migrate.1", "web.1"]
    assert do.Listen("worker", ()) in history.did


def test_scaling_touches_no_other_instance() -> None:
    history = running_site()
    history.tell(on.Scale({"worker": 3}, operation=2))
    assert [spawn.name for spawn in history.done(do.Spawn)] == ["worker.3"]
    history.tell(on.Scale({"worker": 1}, operation=3))
    assert signalled(history) == ["worker.2", "worker.3"]
    history.dies("worker.2", 0)
    history.dies("worker.3", 0)
    assert list(history.model.instances) == ["migrate.1", "web.1", "worker.1"]
    assert history.replies[3].done


def test_what_a_person_scaled_stays_until_another_number_is_declared() -> None:
    history = running_site()
    history.tell(on.Scale({"worker": 3}))
    history.tell(on.Apply(SITE))
    assert "worker.3" in history.model.instances
    history.tell(on.Apply(replace(SITE, processes=(*SITE.processes[:2], replace(SITE.processes[2], replicas=1)))))
    assert history.model.instances["worker.3"].retiring


def test_a_singleton_is_not_scaled() -> None:
    history = History(stack(replace(process("beat"), singleton=True)))
    history.tell(on.Scale({"beat": 2}, operation=2))
    assert history.replies[2].code == 2
    assert history.replies[2].text == (
        "beat: cannot scale to 2: it is a singleton, two of it would do everything twice",
    )


def test_a_task_is_not_scaled() -> None:
    history = History(stack(replace(task("migrate"), singleton=True)))
    history.tell(on.Scale({"migrate": 2}, operation=2))
    assert history.replies[2].text == ("migrate: cannot scale a task",)


def test_a_stop_during_a_restart_is_not_undone_by_it() -> None:
    history = History(stack(process("web")))
    history.is_ready("web.1")
    history.tell(on.Restart(("web",), operation=2))
    history.tell(on.Stop(("web",), operation=3))
    history.dies("web.1", 0)
    assert history.phases() == {"web.1": "stopped"}
    assert history.replies[3].done


def test_a_start_during_a_stop_starts_it_when_it_is_gone() -> None:
    history = History(stack(process("web")))
    history.is_ready("web.1")
    history.tell(on.Stop(("web",), operation=2))
    history.tell(on.Start(("web",), operation=3))
    history.dies("web.1", 0)
    assert history.phases() == {"web.1": "starting"}
    assert history.replies[2].text == ("web.1: somebody started it again meanwhile",)
    history.is_ready("web.1")
    assert history.replies[3].done


def test_a_restart_is_answered_by_the_next_life_only() -> None:
    history = History(stack(process("web")))
    history.is_ready("web.1")
    history.tell(on.Restart(("web",), operation=2))
    assert 2 not in history.replies
    history.dies("web.1", 0)
    history.is_ready("web.1")
    assert history.replies[2].done


def test_a_name_that_means_nothing_is_refused_with_those_that_do() -> None:
    history = running_site()
    history.tell(on.Restart(("wbe",), operation=2))
    assert history.replies[2] == do.Reply(
        2, done=False, code=2, text=("wbe: no such process or instance; there are: migrate, web, worker",)
    )
    assert signalled(history) == []


def test_an_update_leaves_stopped_what_a_person_stopped_and_up_starts_it() -> None:
    history = History(stack(process("web"), process("other")))
    history.is_ready("web.1", "other.1")
    history.tell(on.Stop(("web",)))
    history.dies("web.1", 0)
    history.tell(on.Apply(stack(process("web", argv=("/bin/new",)), process("other"))))
    assert history.phases() == {"web.1": "stopped", "other.1": "ready"}
    history.tell(on.Apply(stack(process("web", argv=("/bin/new",)), process("other")), start=True))
    assert history.phases() == {"web.1": "starting", "other.1": "ready"}


def test_an_update_tries_at_once_what_waits_for_its_next_start() -> None:
    """It may have been mended: nobody waits out what the old one has earned."""
    history = History(stack(process("web")))
    for _ in range(4):
        history.runs("web.1")
        history.dies("web.1", 3)
        history.waits(60)
    history.dies("web.1", 3)
    assert history.phases() == {"web.1": "backoff"}
    history.tell(on.Apply(stack(process("web", argv=("/bin/new",))), operation=2))
    assert history.phases() == {"web.1": "starting"}
    assert 2 not in history.replies, "what the old one has come to is no answer"
    history.is_ready("web.1")
    assert history.replies[2].done


def test_the_next_supervisor_wants_the_same() -> None:
    history = running_site()
    history.tell(on.Scale({"worker": 3}))
    history.tell(on.Stop(("worker.2",)))
    model = recall(SITE, remember(history.model))
    assert {name: instance.wanted for name, instance in model.instances.items()} == {
        "migrate.1": True,
        "web.1": True,
        "worker.1": True,
        "worker.2": False,
        "worker.3": True,
    }
    model, _ = decide(model, on.Adopted("web.1", life=2, pid=7, was_ready=True, age_seconds=60), now=500.0)
    model, did = decide(model, on.Resume(), now=500.0)
    assert [action.name for action in did if isinstance(action, do.Spawn)] == ["worker.1", "worker.3"]
    assert min(action.life for action in did if isinstance(action, do.Spawn)) > history.model.lives - 1


def test_memory_of_another_shape_is_nothing_remembered() -> None:
    for data in (
        {},
        {"instances": 3, "scaled": []},
        {"instances": {"web.1": "x"}, "scaled": {"worker": "many"}, "lives": "9"},
    ):
        assert list(recall(SITE, data).instances) == ["migrate.1", "web.1", "worker.1", "worker.2"]


def test_a_signal_to_all_goes_to_what_runs_a_task_included() -> None:
    history = History(SITE)
    history.runs("migrate.1")
    history.tell(on.Send((), "KILL", operation=2))
    assert signalled(history) == ["migrate.1"]
    assert history.replies[2].done


def test_a_signal_to_one_that_does_not_run_is_not_done() -> None:
    history = History(SITE)
    history.tell(on.Send(("web",), "HUP", operation=2))
    assert signalled(history) == []
    assert history.replies[2] == do.Reply(
        2, done=False, code=1, text=("web.1: waiting, there is no process to signal",)
    )
