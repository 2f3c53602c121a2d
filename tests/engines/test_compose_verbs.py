"""What `docker` is asked to do for each verb, and what is made of its answers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from procession.console.asking import refuse_names
from procession.engines import compose, swarm
from procession.engines.applied import Applied
from procession.engines.base import Engine, State
from procession.engines.containers.docker import CONTAINER_EVENTS
from procession.engines.containers.options import ContainerOptions, Form
from procession.engines.containers.said import EVENT_FORMAT
from procession.engines.needs import require
from procession.refusal import ExitCode, Refusal
from procession.run import Done
from tests.engines.contained import BEAT, FRONTED, MIGRATE, WEB, WORKER, Played, asked, stack_of

WHOLE = stack_of(MIGRATE, WEB, WORKER, BEAT)
NOT_FRONTED = replace(FRONTED, front=ContainerOptions().front)
UP = "docker compose --project-name mysite --file /d/compose.yaml"
LOGS = "logs --timestamps --no-color"
LABEL = "label=com.docker.compose"
EVENTS = f"docker events --since 24h --until 0s --format {shlex.quote(EVENT_FORMAT)}"
KINDS = " ".join(f"--filter event={kind}" for kind in CONTAINER_EVENTS)


def container(service: str, number: int, **state: object) -> str:
    name = f"mysite-{service}-{number}"
    labels = {"com.docker.compose.service": service, "com.docker.compose.container-number": str(number)}
    labels["com.docker.compose.config-hash"] = f"hash-of-{service}"
    well = {"Status": "running", "ExitCode": 0, "Pid": 7, "Health": {"Status": "healthy"}}
    started = {"StartedAt": "2026-01-02T03:04:05.123456789Z"}
    said = {"Id": name, "Name": f"/{name}", "Image": "sha256:1", "RestartCount": 2, "Config": {"Labels": labels}}
    return json.dumps({**said, "State": {**well, **started, **state}})


THERE = [
    container("migrate", 1, Status="exited", Pid=0, Health=None),
    container("web", 1),
    container("worker", 3),
    container("worker", 5),
    container("beat", 1, Status="exited", Pid=0, ExitCode=137),
]
OLD, NEW = container("web", 1), container("web", 2)
ILL = container("web", 2, Health={"Status": "unhealthy"})


def looks(*containers: str) -> list[tuple[str, Done]]:
    """Answers to one look at what is there."""
    return [("docker ps", Done(0, "x")), ("docker inspect x", Done(0, f"[{','.join(containers)}]"))]


def done(verb: str, *names: str, answers: Sequence[tuple[str, Done]] = (), **more: Any) -> list[str]:
    """The commands that change something, and what was awaited; what it refuses is the last line."""
    played = Played()
    answers = answers or looks(*THERE) * 3
    try:
        played.play(compose.ENGINE.verbs[verb](asked(WHOLE, *names, **more)), answers)
    except Refusal as refusal:
        played.said.append(refusal.what)
    looked = ("docker ps", "docker inspect")
    return [line for line in played.said if not line.startswith(looked)]


@pytest.mark.parametrize(
    ("verb", "names", "said"),
    [
        ("restart", ("web",), ["docker restart mysite-web-1", "until docker inspect mysite-web-1"]),
        ("restart", ("worker.2",), ["docker restart mysite-worker-5", "until docker inspect mysite-worker-5"]),
        ("stop", ("worker",), ["docker stop mysite-worker-3 mysite-worker-5"]),
        ("stop", (), [f"{UP} stop"]),
        ("start", ("beat",), ["docker start mysite-beat-1", "until docker inspect mysite-beat-1"]),
        ("start", ("migrate",), ["docker start mysite-migrate-1", "docker wait mysite-migrate-1"]),
        ("down", (), [f"{UP} down --remove-orphans"]),
        ("logs", ("worker.2",), [f"{UP} {LOGS} --tail 100 worker"]),
        ("logs", ("web", "beat"), [f"{UP} {LOGS} --tail 100 web beat"]),
        (
            "events",
            ("web",),
            [f"{EVENTS} --filter {LABEL}.project=mysite {KINDS} --filter {LABEL}.service=web"],
        ),
    ],
)
def test_a_verb_is_these_commands(verb: str, names: tuple[str, ...], said: list[str]) -> None:
    assert done(verb, *names) == said


def test_all_lines_are_asked_for_by_their_name() -> None:
    assert done("logs", "web", lines=None) == [f"{UP} {LOGS} --tail all web"]


SAID = """\
web-1     | 2026-11-21T07:31:02.5Z a \x1b | b
worker-5  | 2026-11-21T07:31:01.123456789Z second
worker-3  | 2026-11-21T07:31:00.123456789Z first
worker-5 exited with code 0
"""


def shown(verb: str, text: str, *names: str, **more: Any) -> list[tuple[str, ...]]:
    """The records that a person sees of what the tool says."""
    played = Played()
    answers = [*looks(*THERE), (verb, Done(0, text))]
    played.play(compose.ENGINE.verbs[verb](asked(WHOLE, *names, **more)), answers)
    return [tuple(record) for record in played.shown]


def test_logs_are_records_by_their_time_under_the_names_of_status() -> None:
    first, second = (
        ("2026-11-21T07:31:00.123Z", "worker.1", "first"),
        ("2026-11-21T07:31:01.123Z", "worker.2", "second"),
    )
    ended = (first[0], "", "worker-5 exited with code 0")
    assert shown("logs", SAID) == [first, ended, second, ("2026-11-21T07:31:02.500Z", "web.1", "a \x1b | b")]
    assert shown("logs", SAID, lines=1) == [("2026-11-21T07:31:02.500Z", "web.1", "a \x1b | b")]
    assert shown("logs", SAID, "worker.2", grep="second") == [second]
    assert shown("logs", SAID, follow=True)[1:3] == [second, first]  # as they come


def test_to_look_for_a_text_all_lines_are_asked_for() -> None:
    assert done("logs", "web", grep="x", lines=3) == [f"{UP} {LOGS} --tail all web"]
    assert done("logs", "web", grep="x", lines=3, follow=True) == [f"{UP} {LOGS} --tail 3 --follow web"]


def test_events_are_records_too() -> None:
    text = "1795289460123456789 mysite-worker-5 die, exit code 3\n1795289461000000000 mysite-gone-9 start\n"
    assert shown("events", text) == [
        ("2026-11-21T19:31:00.123Z", "worker.2", "die, exit code 3"),
        ("2026-11-21T19:31:01.000Z", "mysite-gone-9", "start"),
    ]


def test_logs_of_one_container_are_the_supervisor_s_own_records() -> None:
    played = Played()
    line = '{"time": "2026-11-21T07:31:00.123Z", "instance": "web.1", "text": "hi"}\n'
    options = replace(FRONTED, form=Form.ONE)
    played.play(compose.ENGINE.verbs["logs"](asked(WHOLE, options=options)), [("exec", Done(0, line))])
    assert played.shown == [("2026-11-21T07:31:00.123Z", "web.1", "hi")]


def test_restart_of_all_runs_no_task_again() -> None:
    assert done("restart")[0] == "docker restart mysite-web-1 mysite-worker-3 mysite-worker-5 mysite-beat-1"


def test_start_of_what_has_no_container_makes_one_and_none_of_what_it_depends_on() -> None:
    assert done("start", "web", answers=[*looks(), *looks(OLD)])[0] == f"{UP} up --detach --no-deps --no-recreate web"


def test_an_instance_that_is_not_there_is_said() -> None:
    assert done("restart", "worker.3") == ["there is no worker.3"]


def test_scale_touches_nothing_else() -> None:
    scale = f"{UP} up --detach --no-deps --no-recreate --scale worker=3 worker"
    assert done("scale", replicas={"worker": 3}) == [scale, "until docker inspect mysite-worker-3 mysite-worker-5"]


@pytest.mark.parametrize(
    ("name", "what"),
    [("beat", "never two at once"), ("migrate", "is a task"), ("web", "holds 127.0.0.1:8000:8000 of the host")],
)
def test_what_cannot_be_two_is_not_scaled_to_two(name: str, what: str) -> None:
    with pytest.raises(Refusal, match=what):
        Played().play(compose.ENGINE.verbs["scale"](asked(WHOLE, replicas={name: 2}, options=NOT_FRONTED)))


def test_in_one_container_the_supervisor_does_it() -> None:
    inside = f"{UP} exec -T site python -m procession"
    options = ContainerOptions(form=Form.ONE)
    assert done("roll", "web", options=options) == [f"{inside} roll web"]
    assert done("logs", lines=None, options=options) == [f"{inside} logs --lines all --json"]


def test_in_one_container_what_the_supervisor_refuses_is_refused() -> None:
    steps = compose.ENGINE.verbs["roll"](asked(WHOLE, "web", options=ContainerOptions(form=Form.ONE)))
    with pytest.raises(Refusal) as refused:
        Played().play(steps, [("roll", Done(1))])
    assert refused.value.code is ExitCode.NOT_SO


def rolled(new: str) -> list[str]:
    answers = [*looks(OLD), *looks(OLD), *looks(OLD, new), ("docker inspect", Done(0, f"[{new}]"))]
    return done("roll", "web", answers=answers)


def test_a_roll_has_the_new_one_ready_before_the_old_one_goes() -> None:
    scale = f"{UP} up --detach --no-deps --no-recreate --scale web=2 web"
    gone = ["docker stop mysite-web-1", "docker rm mysite-web-1"]
    assert rolled(NEW) == [scale, "until docker inspect mysite-web-2", "sleep 2", *gone]


def test_a_roll_whose_new_one_is_not_ready_leaves_the_old_one() -> None:
    gone = ["docker stop mysite-web-2", "docker rm mysite-web-2"]
    said = "the new web did not become ready; the old ones go on"
    assert rolled(ILL)[2:] == ["docker logs --tail 12 mysite-web-2", *gone, said]


def test_a_roll_of_a_singleton_has_a_gap() -> None:
    assert done("roll", "beat")[0] == f"{UP} up --detach --no-deps --force-recreate beat"


def test_a_process_that_holds_a_port_cannot_be_rolled() -> None:
    with pytest.raises(Refusal, match="holds a port"):
        Played().play(compose.ENGINE.verbs["roll"](asked(WHOLE, "web", options=NOT_FRONTED)))


def test_status_says_of_each_container_how_it_is() -> None:
    rows = Played().play(compose.ENGINE.status(asked(WHOLE)), looks(ILL, *THERE[:4]))
    assert [(row.name, row.state, row.said) for row in rows] == [
        ("migrate.1", State.DONE, "exited"),
        ("web.1", State.READY, "healthy"),
        ("web.2", State.UNREADY, "unhealthy"),
        ("worker.1", State.READY, "healthy, as mysite-worker-3"),
        ("worker.2", State.READY, "healthy, as mysite-worker-5"),
        ("beat", State.STOPPED, "no container"),
    ]
    assert (rows[1].pid, rows[1].restarts) == (7, 2)


def test_a_container_that_was_killed_says_by_what() -> None:
    rows = Played().play(compose.ENGINE.status(asked(WHOLE)), looks(THERE[4]))
    assert [row.said for row in rows if row.process == "beat"] == ["exited by signal 9"]


def applied(*there: str, migrated: int = 0) -> list[str]:
    """What `apply` does where these are there already, and there is another image now."""
    hashes = "".join(f"{name} hash-of-{name}\n" for name in ("migrate", "web"))
    answers = [*looks(*there), ("config --hash", Done(0, hashes)), ("image inspect", Done(0, "sha256:2\n"))]
    answers += [*looks(*there), ("docker wait", Done(0, f"{migrated}\n"))]
    played = Played()
    try:
        played.play(
            compose.ENGINE.apply(asked(stack_of(MIGRATE, WEB))), answers + looks(*there) * 2 + looks(*there, NEW)
        )
    except Refusal as refusal:
        played.said.append(refusal.what)
    return [line for line in played.said if line.startswith((f"{UP} up", "docker stop", "migrate"))]


def test_the_first_apply_is_compose_s_own() -> None:
    assert applied() == [f"{UP} up --detach --remove-orphans"]


def test_an_apply_runs_the_tasks_first_and_then_rolls_what_changed() -> None:
    assert applied(*THERE[:2]) == [
        f"{UP} up --detach --no-deps --force-recreate migrate",
        f"{UP} up --detach --no-deps --no-recreate --scale web=2 web",
        "docker stop mysite-web-1",
        f"{UP} up --detach --no-deps --no-recreate web",
    ]


def test_an_apply_whose_task_fails_touches_nothing_more() -> None:
    said = applied(*THERE[:2], migrated=1)
    assert said == [f"{UP} up --detach --no-deps --force-recreate migrate", "migrate failed: exit code 1"]


@pytest.mark.parametrize("verb", ["stop", "start", "logs", "down"])
def test_what_makes_no_container_needs_no_secret(verb: str) -> None:
    played, stack = Played(), stack_of(replace(WEB, environment={"SECRET_KEY": "hunter2"}), services={"db": {}})
    asked_ = replace(asked(stack), options=replace(FRONTED, secrets=("TOKEN",)))
    played.play(compose.ENGINE.verbs[verb](asked_), looks(*THERE) * 2)
    [line] = [line for line in played.said if "docker compose" in line]
    assert line.split(" docker ")[0] == "SECRET_KEY=not-needed TOKEN=not-needed DB_PASSWORD=not-needed"


def test_a_container_that_goes_while_one_waits_is_not_ready() -> None:
    ended = done("restart", "web", answers=[*looks(*THERE), ("docker inspect mysite", Done(1, "[]", "No such object"))])
    assert ended[-1] == "cannot see whether web.1 became ready: No such object"


def test_containers_of_another_site_of_the_same_name_are_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "compose.yaml"
    files = f"/d/compose.yaml\n{other}\n"
    there = [("docker ps", Done(0, files))]
    Played().play(require(compose.ENGINE, asked(WHOLE)), there)  # the file is gone: it is this site, which has moved
    other.touch()
    with pytest.raises(Refusal, match=f"another site that is called mysite, too: {other}$"):
        Played().play(require(compose.ENGINE, asked(WHOLE)), there)


@pytest.mark.parametrize("engine", [compose.ENGINE, swarm.ENGINE])
def test_stores_and_the_front_can_be_looked_at_by_their_names(engine: Engine) -> None:
    told = {engine.name: {"FRONT": {"SERVER": "nginx"}}}
    applied = Applied(engine.name, "/d", replace(WHOLE, services={"db": {"TYPE": "postgresql"}}, engines=told))
    refuse_names("logs", engine, applied, ["db", "front.1"])
    for verb, name in (("roll", "front"), ("logs", "fron")):
        with pytest.raises(Refusal, match=f"there is no process '{name}'"):
            refuse_names(verb, engine, applied, [name])


def test_without_docker_it_says_so() -> None:
    with pytest.raises(Refusal, match="docker is not here"):
        Played().play(compose.ENGINE.check(asked(WHOLE)), [("config", Done(127))])
