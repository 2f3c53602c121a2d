"""Docker Swarm: exact text, Docker's own reading of it, and what `docker` is asked to do."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from procession.engines import swarm
from procession.engines.base import State
from procession.engines.containers.options import ContainerOptions, Form, Front, Image, PublishMode, Server
from procession.engines.containers.swarm_health import WAS_READY, check
from procession.engines.containers.swarm_updates import UPDATE_FORMAT
from procession.engines.containers.swarm_verbs import has_ended
from procession.engines.files import File
from procession.refusal import ExitCode, Refusal
from procession.run import Done
from procession.stack.model import Probe, ProbeType, RestartWhen, Stack
from tests.engines import contained
from tests.engines.contained import (
    BEAT,
    FRONTED,
    MIGRATE,
    WORKER,
    Played,
    asked,
    compose_config,
    stack_of,
    text_of,
)

WEB = replace(contained.WEB, env_files=())
OPEN = ContainerOptions(image=Image(build=False))
HOST = replace(OPEN, publish_mode=PublishMode.HOST)
STORES = {"db": {"TYPE": "postgresql"}, "cache": {"TYPE": "redis"}}
PASSWORDS = {"DB_PASSWORD": "one"}
SEED = replace(MIGRATE, name="seed", depends_on=WEB.depends_on)
WHOLE = stack_of(MIGRATE, SEED, WEB, WORKER, BEAT)
CONFIG_HELP = ("stack config --help", Done(0, "Usage:  docker stack config [OPTIONS]"))
PS = "docker stack ps --format '{{json .}}'"
UPDATE = "docker service update --force --with-registry-auth --image mysite:latest --detach=false --quiet"
DEPLOY_OF_WEB = """\
    deploy:
      replicas: 1
      update_config:
        order: start-first
        parallelism: 1
        failure_action: rollback
        monitor: "5s"
      rollback_config:
        order: start-first
        parallelism: 1
      restart_policy:
        condition: any
        delay: "1s"
        window: "5s"
"""


def rendered(stack: Stack, options: ContainerOptions = OPEN) -> tuple[File, ...]:
    rendering = swarm.render(stack, options)
    assert not [problem for problem in rendering.problems if problem.is_error], rendering.problems
    return rendering.files


def services(
    stack: Stack, options: ContainerOptions, directory: Path, docker: Mapping[str, str], name: str = "compose.yaml"
) -> dict[str, Any]:
    """As Compose reads the file, which has the same reader as `docker stack`."""
    for file in rendered(stack, options):
        (directory / file.path).write_text(file.marked("mysite"))
    found: dict[str, Any] = compose_config(directory / name, {**docker, **PASSWORDS})["services"]
    return found


def test_web_is_updated_beside_itself_and_goes_back_when_that_fails() -> None:
    assert DEPLOY_OF_WEB in text_of(rendered(stack_of(MIGRATE, WEB)), "compose.yaml")


def test_an_env_file_is_found_from_everywhere() -> None:
    text = text_of(rendered(stack_of(MIGRATE, contained.WEB)), "compose.yaml")
    assert "    env_file:\n      - /srv/mysite/.env\n" in text


def test_the_same_stack_gives_the_same_bytes() -> None:
    assert rendered(WHOLE) == rendered(WHOLE)


@pytest.mark.parametrize("server", list(Server))
def test_what_holds_a_port_or_is_never_two_stops_first(
    server: Server, tmp_path: Path, docker_config: dict[str, str]
) -> None:
    options = replace(HOST, front=Front(server=server))
    found = services(WHOLE, options, tmp_path, docker_config)
    orders = {name: service["deploy"]["update_config"]["order"] for name, service in found.items()}
    holder = {"web": "stop-first"} if server is Server.NONE else {"web": "start-first", "front": "stop-first"}
    assert orders == {"worker": "start-first", "beat": "stop-first", **holder}


def test_tasks_are_files_of_their_own_in_waves(tmp_path: Path, docker_config: dict[str, str]) -> None:
    assert [file.path for file in rendered(WHOLE)] == ["release-1.yaml", "release-2.yaml", "compose.yaml"]
    job = services(WHOLE, OPEN, tmp_path, docker_config, "release-2.yaml")
    assert set(job) == {"seed"}
    assert job["seed"]["deploy"]["replicas"] == 1
    assert job["seed"]["deploy"]["restart_policy"] == {"condition": "none"}


def test_limits_and_what_is_reserved_of_them(tmp_path: Path, docker_config: dict[str, str]) -> None:
    found = services(WHOLE, replace(OPEN, reserved=0.5), tmp_path, docker_config)["worker"]["deploy"]["resources"]
    assert found["limits"] == {"cpus": 4, "memory": str(4 * 2**30)}
    assert found["reservations"] == {"cpus": 2, "memory": str(2 * 2**30)}


def test_the_front_may_have_a_place_of_its_own(tmp_path: Path, docker_config: dict[str, str]) -> None:
    options = replace(FRONTED, constraints=("node.role==worker",), front_constraints=("node.labels.edge==1",))
    found = services(WHOLE, options, tmp_path, docker_config)
    assert found["web"]["deploy"]["placement"] == {"constraints": ["node.role==worker"]}
    assert found["front"]["deploy"]["placement"] == {"constraints": ["node.labels.edge==1"]}


def test_a_store_is_reached_without_swarms_address_for_services(tmp_path: Path, docker_config: dict[str, str]) -> None:
    stack = stack_of(MIGRATE, WEB, services=STORES)
    found = services(stack, OPEN, tmp_path, docker_config)
    assert {found[name]["deploy"]["endpoint_mode"] for name in STORES} == {"dnsrr"}
    assert set(services(stack, OPEN, tmp_path, docker_config, "stores.yaml")) == set(STORES)


def test_a_secret_is_of_swarm_and_in_no_file() -> None:
    secret = replace(WEB, environment={"SECRET_KEY": "hunter2"})
    files = rendered(stack_of(MIGRATE, secret), replace(OPEN, secrets=("SECRET_KEY",)))
    assert not [file.path for file in files if "hunter2" in file.text]
    text = text_of(files, "compose.yaml")
    assert 'secrets:\n  SECRET_KEY:\n    external: true\n    name: "${SECRET_KEY_SECRET_NAME:-SECRET_KEY}"\n' in text
    assert "SECRET_KEY_FILE: /run/secrets/SECRET_KEY\n" in text


VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def expanded(template: str) -> str:
    """As Go's text/template does where every action is a string."""
    return re.sub(r'\{\{"([^"]*)"\}\}', r"\1", template)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        VALUES
        | st.sampled_from(["1e3", "no", "${HOME}", "$$", "0o17", "~", "{{.Node.ID}}", "{{{", "12:30:00", "#", "'"])
    )
)
def test_any_value_survives(values: list[str], tmp_path: Path, docker_config: dict[str, str]) -> None:
    """Compose writes what it has read with its own `$` doubled again; then Swarm reads variables as templates."""
    environment = {f"V{at}": value for at, value in enumerate(values)}
    process = replace(WORKER, environment=environment, argv=("run", *values), depends_on=())
    found = services(stack_of(process), OPEN, tmp_path, docker_config)["worker"]
    assert {name: expanded(found["environment"][name].replace("$$", "$")) for name in environment} == environment
    assert [word.replace("$$", "$") for word in found["command"][1:]] == values


@pytest.mark.parametrize(
    ("options", "process", "id"),
    [
        (replace(OPEN, form=Form.ONE), WEB, "E123"),
        (OPEN, WEB, "W124"),
        (OPEN, replace(BEAT, stop=(replace(WEB.stop[0], seconds=90.0),)), "W126"),
    ],
)
def test_what_swarm_cannot_do_is_said(options: ContainerOptions, process: Any, id: str) -> None:
    assert id in [problem.id for problem in swarm.render(stack_of(MIGRATE, process), options).problems]


def test_stores_without_a_place_are_said() -> None:
    stack = stack_of(MIGRATE, WEB, services=STORES)
    assert "W125" in [problem.id for problem in swarm.render(stack, OPEN).problems]
    pinned = replace(OPEN, constraints=("node.hostname==one",))
    assert "W125" not in [problem.id for problem in swarm.render(stack, pinned).problems]


# ------------------------------------------------------------------------------------------------------- health check


def asks(process: Any, folder: Path) -> Iterator[int]:
    """The exit codes of its health check, one for each time that it is asked, and where it leaves its mark."""
    test = check(process)["test"]
    assert isinstance(test, list)
    words = [str(word).replace(WAS_READY, str(folder / "was-ready")) for word in test[1:]]
    while True:
        yield subprocess.run(words, check=False, capture_output=True).returncode


def file_probe(path: Path) -> Probe:
    return Probe(type=ProbeType.FILE, file=str(path))


def test_readiness_is_asked_until_it_was_there_once(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    codes = asks(replace(WEB, readiness=file_probe(ready)), tmp_path)
    assert next(codes) == 1
    ready.touch()
    assert next(codes) == 0
    ready.unlink()
    assert next(codes) == 0  # The database is away, say: that is no reason to kill it.


def test_then_liveness_is_asked(tmp_path: Path) -> None:
    ready, alive = tmp_path / "ready", tmp_path / "alive"
    codes = asks(replace(WEB, readiness=file_probe(ready), liveness=file_probe(alive)), tmp_path)
    ready.touch()
    assert next(codes) == 1
    alive.touch()
    assert next(codes) == 0


# -------------------------------------------------------------------------------------------------------------- verbs


@pytest.mark.parametrize(
    ("verb", "names", "said"),
    [
        (
            "start",
            ("worker", "web"),
            [
                "docker service scale --detach=false mysite_worker=2 mysite_web=1",
                f"until {PS} --filter name=mysite_worker. --filter name=mysite_web. mysite",
            ],
        ),
        (
            "roll",
            ("web",),
            [
                f"{UPDATE} mysite_web",
                f"docker service inspect --format '{UPDATE_FORMAT}' mysite_web",
            ],
        ),
        (
            "stop",
            ("worker",),
            [
                "docker service scale --detach=false mysite_worker=0",
                f"until {PS} --filter name=mysite_worker. mysite",
            ],
        ),
        (
            "down",
            (),
            [
                "docker stack rm mysite",
                "until docker stack ps --quiet mysite",
                "until docker ps --all --quiet --filter label=com.docker.stack.namespace=mysite",
            ],
        ),
    ],
)
def test_a_verb_is_these_commands(verb: str, names: tuple[str, ...], said: list[str]) -> None:
    played = Played()
    played.play(swarm.ENGINE.verbs[verb](asked(WHOLE, *names, options=OPEN)))
    assert played.said == said


def test_apply_does_one_thing_after_the_other() -> None:
    played = Played()
    played.play(swarm.ENGINE.apply(asked(WHOLE, options=OPEN)), [("services", Done(0, "mysite_migrate\nmysite_web\n"))])
    deploy = "docker stack deploy --with-registry-auth"
    changing = [line for line in played.said if "inspect" not in line and "stack services" not in line]
    assert changing == [
        "docker service rm mysite_migrate",
        f"{deploy} --compose-file /d/release-1.yaml mysite",
        "until docker service ps --no-trunc --format '{{json .}}' mysite_migrate",
        f"{deploy} --compose-file /d/release-2.yaml mysite",
        "until docker service ps --no-trunc --format '{{json .}}' mysite_seed",
        f"{deploy} --prune --compose-file /d/compose.yaml mysite",
    ]


def test_a_task_that_fails_ends_the_release() -> None:
    played = Played()
    failed = task("mysite_migrate.1", now="Failed 1 second ago", error="task: non-zero exit (1)", id="t1")
    answers = [("until docker", Done(0)), ("service ps", Done(0, failed)), ("service ps", Done(0, failed))]
    answers += [("service logs", Done(0, "", "no such column\n"))]
    with pytest.raises(Refusal, match=r"(?s)migrate failed.*non-zero exit.*no such column") as refused:
        played.play(swarm.ENGINE.apply(asked(WHOLE, options=OPEN)), answers)
    assert refused.value.code is ExitCode.NOT_SO
    assert not [line for line in played.said if "compose.yaml" in line]


def test_a_secret_goes_to_swarm_by_its_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    secret = replace(WEB, environment={"SECRET_KEY": "hunter2"}, env_files=())
    played = Played()
    options = replace(OPEN, secrets=("SECRET_KEY",))
    played.play(swarm.ENGINE.apply(asked(stack_of(MIGRATE, secret), options=options)))
    created = next(line for line in played.said if "secret create" in line)
    name = created.split()[-2]
    assert created == f"docker secret create --label com.docker.stack.namespace=mysite {name} -"
    deployed = [line for line in played.said if "stack deploy" in line]
    assert all(line.startswith(f"SECRET_KEY_SECRET_NAME={name} docker stack") for line in deployed)
    assert "hunter2" not in "\n".join(played.said)


def test_a_rollback_is_a_failure_with_its_reason() -> None:
    dead = task("mysite_web.1", now="Failed 2 seconds ago", wanted="Shutdown", error="task: non-zero exit (3)", id="t9")
    answers = [("service update", Done(0)), ("inspect", Done(0, "mysite_web rollback_completed: rolled back"))]
    answers += [("service ps", Done(0, dead)), ("service logs", Done(0, "", "ImportError: no module\n"))]
    played = Played()
    with pytest.raises(Refusal, match=r"(?s)new web did not become ready.*exit \(3\).*ImportError") as refused:
        played.play(swarm.ENGINE.verbs["roll"](asked(WHOLE, "web", options=OPEN)), answers)
    assert refused.value.code is ExitCode.NOT_SO
    assert played.said[-1] == "docker service logs --raw --tail 20 t9"


def test_a_singleton_is_not_scaled_to_two() -> None:
    with pytest.raises(Refusal, match="never two at once"):
        Played().play(swarm.ENGINE.verbs["scale"](asked(WHOLE, replicas={"beat": 2})))


@pytest.mark.parametrize("verb", ["stop", "start", "restart", "roll"])
def test_one_instance_is_not_swarms_to_take(verb: str) -> None:
    with pytest.raises(Refusal, match=f"cannot {verb} web.1 alone"):
        Played().play(swarm.ENGINE.verbs[verb](asked(WHOLE, "web.1", options=OPEN)))


@pytest.mark.parametrize("verb", ["stop", "start", "restart", "roll"])
def test_a_task_runs_with_a_release_alone(verb: str) -> None:
    with pytest.raises(Refusal, match="migrate is a task"):
        Played().play(swarm.ENGINE.verbs[verb](asked(WHOLE, "migrate", options=OPEN)))
    with pytest.raises(Refusal, match="migrate is a task"):
        Played().play(swarm.ENGINE.verbs["scale"](asked(WHOLE, options=OPEN, replicas={"migrate": 2})))


def test_what_was_scaled_to_none_starts_again() -> None:
    played = Played()
    played.play(swarm.ENGINE.verbs["start"](asked(stack_of(replace(WEB, replicas=0)), "web", options=OPEN)))
    assert played.said[0] == "docker service scale --detach=false mysite_web=1"


def test_logs_are_those_of_each_life_that_had_a_container() -> None:
    played = Played()
    there = "".join(task("mysite_worker.2", id=id) for id in ("new", "never", "old"))
    answers = [("stack ps", Done(0, there)), ("inspect", Done(0, "new c1\nnever \nold c2\n"))]
    played.play(swarm.ENGINE.verbs["logs"](asked(WHOLE, "worker.2", lines=None, options=OPEN)), answers)
    logs = "docker service logs --timestamps --tail all"
    assert played.said[-2:] == [f"{logs} old", f"{logs} new"]


def test_logs_and_events_of_the_daemon_are_records_under_the_names_of_status() -> None:
    played = Played()
    line = "2026-11-21T07:31:00.5Z mysite_worker.2.abc@one    | ready\nno such task\n"
    answers = [("stack ps", Done(0, task("mysite_worker.2", id="t"))), ("inspect", Done(0, "t c\n"))]
    played.play(swarm.ENGINE.verbs["logs"](asked(WHOLE, "worker", options=OPEN)), [*answers, ("logs", Done(0, line))])
    assert played.shown == [
        ("2026-11-21T07:31:00.500Z", "worker.2", "ready"),
        ("2026-11-21T07:31:00.500Z", "", "no such task"),
    ]
    played = Played()
    events = "1795289460123456789 mysite_web update\n"
    played.play(
        swarm.ENGINE.verbs["events"](asked(WHOLE, options=OPEN)),
        [("type=service", Done(0, "")), ("event=update", Done(0, events))],
    )
    assert played.shown == [("2026-11-21T19:31:00.123Z", "web", "update")]


def test_an_older_docker_has_compose_look_at_the_files() -> None:
    played = Played()
    played.play(swarm.ENGINE.check(asked(stack_of(WEB), options=OPEN)), [("--help", Done(0, "Usage: docker stack"))])
    assert played.said[-1] == "docker compose --file /d/compose.yaml config --quiet"


def test_docker_looks_at_the_files() -> None:
    played = Played()
    played.play(swarm.ENGINE.check(asked(WHOLE, options=OPEN)), [CONFIG_HELP])
    assert played.said[-3:] == [
        f"docker stack config --compose-file /d/{name}" for name in ("release-1.yaml", "release-2.yaml", "compose.yaml")
    ]


# ------------------------------------------------------------------------------------------------------------- status


def task(
    name: str, *, now: str = "Running 5 minutes ago", wanted: str = "Running", error: str = "", id: str = "t"
) -> str:
    words = {"ID": id, "Name": name, "Node": "one", "DesiredState": wanted, "CurrentState": now, "Error": error}
    return json.dumps(words) + "\n"


def states(*tasks: str) -> dict[str, tuple[State, str]]:
    found = Played().play(
        swarm.ENGINE.status(asked(stack_of(WEB, BEAT), options=OPEN)), [("ps", Done(0, "".join(tasks)))]
    )
    return {row.name: (row.state, row.life) for row in found}


def test_what_serves_goes_before_what_is_newer() -> None:
    new = task("mysite_web.1", now="Starting 2 seconds ago", id="new")
    assert states(new, task(" \\_ mysite_web.1", id="old"))["web.1"] == (State.READY, "old")


@pytest.mark.parametrize(
    ("now", "wanted", "state"),
    [
        ("Starting 1 second ago", "Running", State.STARTING),
        ("Pending 1 minute ago", "Running", State.STARTING),
        ("Ready 1 second ago", "Ready", State.BACKOFF),
        ("Failed 1 second ago", "Running", State.BACKOFF),
        ("Running 1 hour ago", "Shutdown", State.STOPPING),
    ],
)
def test_a_task_is_in_one_of_our_states(now: str, wanted: str, state: State) -> None:
    assert states(task("mysite_web.1", now=now, wanted=wanted))["web.1"][0] is state


def test_what_was_taken_away_is_not_shown_and_what_has_nothing_is_stopped() -> None:
    gone = task("mysite_web.2", now="Shutdown 1 minute ago", wanted="Shutdown")
    assert states(task("mysite_web.1", id="a"), gone) == {
        "web.1": (State.READY, "a"),
        "beat": (State.STOPPED, ""),
    }


def test_a_failure_of_before_is_no_instance_unless_it_was_the_last() -> None:
    failed = task("mysite_web.1", now="Failed 1 minute ago", wanted="Shutdown", error="task: non-zero exit (1)", id="a")
    assert states(failed) == {"web": (State.STOPPED, ""), "beat": (State.STOPPED, "")}
    once = stack_of(replace(WEB, restart=RestartWhen.NEVER))
    (row,) = Played().play(swarm.ENGINE.status(asked(once, options=OPEN)), [("ps", Done(0, failed))])
    assert row.state is State.FAILED


def test_ten_come_after_two() -> None:
    assert list(states(*(task(f"mysite_web.{slot}") for slot in (10, 2, 1)))) == ["web.1", "web.2", "web.10", "beat"]


def test_without_a_swarm_it_says_so() -> None:
    nothing = Done(1, stderr="Error response from daemon: This node is not a swarm manager.")
    with pytest.raises(Refusal, match="not a swarm manager"):
        Played().play(swarm.ENGINE.status(asked(WHOLE)), [("ps", nothing)])


@pytest.mark.parametrize(
    ("now", "wanted", "over"),
    [
        ("Running 1 second ago", "Running", True),
        ("Running 1 second ago", "Remove", False),
        ("Running 1 second ago", "Shutdown", False),
        ("Shutdown 1 second ago", "Shutdown", True),
    ],
)
def test_a_stop_is_over_when_the_last_has_ended(now: str, wanted: str, over: bool) -> None:
    assert has_ended(Done(0, task("mysite_web.1", now=now, wanted=wanted))) is over
