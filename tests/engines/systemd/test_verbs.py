"""Each verb is these commands and no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from procession.engines.base import Asked, Row, State
from procession.engines.steps import Command, News, Show, Step, Steps
from procession.engines.systemd import ENGINE
from procession.engines.systemd.status import status
from procession.refusal import Refusal
from procession.run import Done
from tests.engines.systemd.site import asked

DOWN = {"mysite-beat.service"}


class Machine:
    """Answers `systemctl show` for units that are up but those in `down`; the commands are in `said`."""

    def __init__(self, *extra: str, fails: str = "", state: str = "active") -> None:
        self.said: list[str] = []
        self.news: list[str] = []
        self._extra = extra
        self._fails = fails
        self._state = state

    def run(self, steps: Steps[object]) -> list[str]:
        try:
            step = next(steps)
            while True:
                step = steps.send(self._answer(step))
        except StopIteration:
            return self.said

    def _answer(self, step: Step) -> Done:
        if isinstance(step, Show):
            self.said.append(step.command.text())
        if isinstance(step, News):
            self.news.append(step.text)
        if not isinstance(step, Command):
            return Done(0)
        if "show" in step.argv and self._fails != "show":
            return Done(0, "\n\n".join(self._block(unit) for unit in [*step.argv, *self._extra] if is_unit(unit)))
        self.said.append(step.text())
        return Done(1, stderr="failed") if self._fails and self._fails in step.text() else Done(0)

    def _block(self, unit: str) -> str:
        state = "inactive" if unit in DOWN else self._state
        return f"Id={unit}\nLoadState=loaded\nActiveState={state}\nSubState=running\nMainPID=7\nNRestarts=2"


def is_unit(word: str) -> bool:
    return word.endswith(".service") and "*" not in word


@pytest.mark.parametrize(
    ("verb", "question", "commands"),
    [
        ("start", asked("web"), ["systemctl start -- mysite-web@1.service mysite-web@2.service"]),
        ("start", asked("web.2"), ["systemctl start -- mysite-web@2.service"]),
        ("stop", asked("web"), ["systemctl stop -- mysite-web.socket 'mysite-web@*.service'"]),
        ("stop", asked("web.1", "beat"), ["systemctl stop -- mysite-web@1.service mysite-beat.service"]),
        ("restart", asked("worker"), ["systemctl restart -- mysite-worker@1.service mysite-worker@2.service"]),
        (
            "restart",
            asked("migrate"),
            ["systemctl restart --job-mode=ignore-dependencies -- mysite-migrate.service"],
        ),
        ("scale", asked(web=1), ["systemctl stop -- mysite-web@2.service"]),
        ("scale", asked(worker=4), ["systemctl start -- mysite-worker@3.service mysite-worker@4.service"]),
        (
            "roll",
            asked("web"),
            [
                "systemctl start -- mysite-web@3.service",
                "systemctl restart -- mysite-web@1.service",
                "systemctl restart -- mysite-web@2.service",
                "systemctl stop -- mysite-web@3.service",
            ],
        ),
        (
            "roll",
            asked("web.2"),
            [
                "systemctl start -- mysite-web@3.service",
                "systemctl restart -- mysite-web@2.service",
                "systemctl stop -- mysite-web@3.service",
            ],
        ),
        ("roll", asked("beat"), []),
    ],
)
def test_a_verb_is_these_commands(verb: str, question: Asked, commands: list[str]) -> None:
    assert Machine().run(ENGINE.verbs[verb](question)) == commands


@pytest.mark.parametrize(
    ("verb", "question", "news"),
    [
        ("start", asked(), ["waiting until ready: beat.1", "beat.1: started"]),
        ("stop", asked("web", "beat"), ["web.1: stopped", "web.2: stopped"]),
        ("restart", asked("migrate", "worker.2"), ["migrate.1: done", "worker.2: restarted"]),
        ("scale", asked(web=2), []),
        (
            "scale",
            asked(worker=3),
            ["worker.3: started", "worker: 3 until the next apply or boot; REPLICAS in the declaration makes it last"],
        ),
    ],
)
def test_each_that_a_verb_has_changed_is_told_and_no_other(verb: str, question: Asked, news: list[str]) -> None:
    machine = Machine()
    machine.run(ENGINE.verbs[verb](question))
    assert machine.news == news


def test_what_does_not_come_up_is_said_in_our_words() -> None:
    """systemctl's last words are where else to look."""
    machine = Machine("mysite-web@2.service", fails="restart", state="failed")
    with pytest.raises(Refusal, match=r"web\.1: failed; web\.2: failed"):
        machine.run(ENGINE.verbs["restart"](asked("web.1", "web.2")))


def test_down_stops_everything_before_it_takes_the_files_away() -> None:
    said = Machine().run(ENGINE.verbs["down"](asked()))
    assert [words.split()[:2] for words in said] == [
        ["systemctl", "stop"],
        ["systemctl", "disable"],
        ["rm", "-f"],
        ["systemctl", "daemon-reload"],
        ["systemctl", "reset-failed"],
    ]
    assert "/etc/systemd/system/mysite-web.env" in said[2]


def test_a_roll_whose_first_new_one_fails_touches_no_old_one() -> None:
    machine = Machine(fails="start -- mysite-web@3.service")
    with pytest.raises(Refusal, match=r"web\.3 did not become ready, and the old ones serve on"):
        machine.run(ENGINE.verbs["roll"](asked("web")))
    assert [words for words in machine.said if words.startswith("systemctl")] == [
        "systemctl start -- mysite-web@3.service",
        "systemctl stop -- mysite-web@3.service",
    ]


def test_a_roll_stops_at_the_first_one_that_fails_and_leaves_the_extra_one() -> None:
    machine = Machine(fails="restart -- mysite-web@1.service")
    with pytest.raises(Refusal, match=r"web\.1 did not become ready"):
        machine.run(ENGINE.verbs["roll"](asked("web")))
    assert not any("stop" in words or "mysite-web@2" in words for words in machine.said)


def test_apply_rolls_what_has_changed_and_ends_what_is_beside_the_declared() -> None:
    question = Asked(
        stack=asked().stack, options=asked().options, directory="/nowhere", changed=("mysite-worker@.service",)
    )
    said = Machine("mysite-web@5.service").run(ENGINE.apply(question))
    assert said[:3] == [
        "systemctl daemon-reload",
        "systemctl enable -- mysite.target",
        "systemctl stop -- mysite-web@5.service",
    ]
    assert said[4:] == [
        "systemctl start -- mysite-worker@3.service",
        "systemctl restart -- mysite-worker@1.service",
        "systemctl restart -- mysite-worker@2.service",
        "systemctl stop -- mysite-worker@3.service",
    ]


def test_apply_ends_what_is_gone_before_systemd_forgets_how() -> None:
    question = Asked(
        stack=asked().stack, options=asked().options, directory="/nowhere", changed=("mysite-old@.service",)
    )
    said = Machine("mysite-old@1.service").run(ENGINE.apply(question))
    assert said[:2] == ["systemctl stop -- mysite-old@1.service", "systemctl daemon-reload"]
    said = Machine().run(ENGINE.apply(question))
    assert said[0] == "systemctl daemon-reload", "an earlier apply has ended it: to stop it again would be an error"


def test_a_row_for_each_instance() -> None:
    rows: list[Row] = []

    def note() -> Steps[object]:
        rows.extend((yield from status(asked("web", "beat", "migrate"))))
        return None

    Machine().run(note())
    assert [(row.name, row.state, row.pid, row.restarts) for row in rows] == [
        ("migrate.1", State.READY, 7, None),
        ("web.1", State.READY, 7, 2),
        ("web.2", State.READY, 7, 2),
        ("beat.1", State.STOPPED, 7, 2),
    ]


def test_new_files_are_not_taken_for_gone_ones() -> None:
    everything = tuple(file.path for file in ENGINE.render(asked().stack, asked().options).files)
    question = Asked(stack=asked().stack, options=asked().options, directory="/nowhere", changed=everything)
    assert Machine().run(ENGINE.apply(question))[0] == "systemctl daemon-reload"


def test_a_machine_without_systemd_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="systemd does not run this machine"):
        Machine(fails="show").run(ENGINE.check(replace(asked(), directory=str(tmp_path))))
