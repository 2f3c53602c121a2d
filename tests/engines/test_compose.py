"""Docker Compose: exact text, then Compose's own reading of it, and what `docker` is asked to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from procession.engines import compose, swarm
from procession.engines.containers.options import ContainerOptions, Form, Front, Image, Installer, Server
from procession.engines.files import File
from procession.stack.model import Stack, StopStep
from tests.engines.contained import (
    BEAT,
    FRONTED,
    HOME,
    MIGRATE,
    WEB,
    WORKER,
    compose_config,
    stack_of,
    text_of,
)

STORES = {"db": {"TYPE": "postgresql"}, "cache": {"TYPE": "redis"}, "broker": {"TYPE": "rabbitmq"}}
WHOLE = stack_of(MIGRATE, WEB, WORKER, BEAT, services=STORES)
WEB_TEXT = """\
  web:
    image: "mysite:latest"
    command:
      - python
      - "-m"
      - gunicorn
      - mysite.wsgi
      - "--bind=0.0.0.0:8000"
    init: true
    env_file:
      - "../../.env"
    environment:
      GUNICORN_CMD_ARGS: "--worker-tmp-dir=/dev/shm"
      FORWARDED_ALLOW_IPS: "*"
      DJANGO_SETTINGS_MODULE: mysite.settings
    cap_drop:
      - ALL
    security_opt:
      - "no-new-privileges:true"
    healthcheck:
      test:
        - CMD
        - python
        - "-I"
        - "-S"
        - "-c"
        - |-
          import http.client as h,sys
          c=h.HTTPConnection('127.0.0.1',8000,timeout=5)
          c.request('GET','/health/',headers={'Host': '127.0.0.1:8000', 'Connection': 'close'})
          s=c.getresponse().status
          sys.exit(0 if s<400 else f'status {s}')
      interval: "5s"
      timeout: "6s"
      retries: 3
      start_period: "60s"
    stop_signal: SIGTERM
    stop_grace_period: "37s"
    logging:
      driver: json-file
      options:
        max-size: "20480k"
        max-file: "11"
    restart: unless-stopped
    depends_on:
      migrate:
        condition: service_completed_successfully
"""


def rendered(stack: Stack, options: ContainerOptions = FRONTED) -> tuple[File, ...]:
    rendering = compose.render(stack, options)
    assert not [problem for problem in rendering.problems if problem.is_error], rendering.problems
    return rendering.files


def written(stack: Stack, options: ContainerOptions, directory: Path) -> Path:
    """As `apply` puts them: two folders below the project's."""
    folder = directory / "deploy" / "compose"
    folder.mkdir(parents=True, exist_ok=True)
    (directory / ".env").touch()
    for file in rendered(stack, options):
        (folder / file.path).write_text(file.marked("mysite"))
    return folder / "compose.yaml"


def test_a_service_says_all_that_a_careful_person_would(docker_config: dict[str, str]) -> None:
    assert WEB_TEXT in text_of(rendered(stack_of(MIGRATE, WEB)), "compose.yaml")


def test_the_same_stack_gives_the_same_bytes() -> None:
    assert rendered(WHOLE) == rendered(WHOLE)


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("server", list(Server))
@pytest.mark.parametrize("build", [True, False])
def test_compose_accepts_every_form(
    form: Form, server: Server, build: bool, tmp_path: Path, docker_config: dict[str, str]
) -> None:
    secrets = () if build else ("SECRET_KEY",)
    options = ContainerOptions(
        form=form, front=Front(server=server), image=Image(build=build), secrets=secrets, read_only=build
    )
    found = compose_config(written(WHOLE, options, tmp_path), {**docker_config, **PASSWORDS})
    assert set(STORES) < set(found["services"])
    assert ("front" in found["services"]) == (server is not Server.NONE)


PASSWORDS = {"DB_PASSWORD": "one", "BROKER_PASSWORD": "two", "SECRET_KEY": "three"}


def test_limits_replicas_user_and_conditions_arrive(tmp_path: Path, docker_config: dict[str, str]) -> None:
    services = compose_config(written(WHOLE, FRONTED, tmp_path), {**docker_config, **PASSWORDS})["services"]
    worker = services["worker"]
    assert worker["deploy"]["replicas"] == 2
    assert worker["deploy"]["resources"]["limits"] == {"cpus": 4, "memory": str(4 * 2**30)}
    assert worker["user"] == "www-data"
    assert worker["ulimits"] == {"nofile": 4096}
    assert {name: need["condition"] for name, need in worker["depends_on"].items()} == {
        "migrate": "service_completed_successfully",
        "web": "service_healthy",
        **dict.fromkeys(STORES, "service_healthy"),
    }
    assert worker["stop_grace_period"] == "35s"


def test_only_the_sites_own_processes_reach_the_stores(tmp_path: Path, docker_config: dict[str, str]) -> None:
    found = compose_config(written(WHOLE, FRONTED, tmp_path), {**docker_config, **PASSWORDS})
    assert set(found["services"]["db"]["networks"]) == {"back"}
    assert set(found["services"]["web"]["networks"]) == {"default", "back"}
    assert set(found["services"]["front"]["networks"]) == {"default"}
    assert found["networks"]["back"]["internal"] is True


def test_the_password_of_a_store_is_taken_from_outside(tmp_path: Path, docker_config: dict[str, str]) -> None:
    services = compose_config(written(WHOLE, FRONTED, tmp_path), {**docker_config, **PASSWORDS})["services"]
    assert services["db"]["environment"]["POSTGRES_PASSWORD"] == "one"
    assert services["web"]["environment"]["DATABASE_URL"] == "postgres://mysite:one@db:5432/mysite"


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL"])
def test_a_secret_is_written_into_no_file(name: str) -> None:
    secret = replace(WEB, environment={name: "postgres://site:hunter2@db/site"})
    rendering = compose.render(stack_of(MIGRATE, secret), FRONTED)
    assert not [file.path for file in rendering.files if "hunter2" in file.text]
    assert [problem.where for problem in rendering.problems if problem.id == "W101"] == [f"web.env.{name}"]


def test_compose_refuses_to_start_without_a_secret(tmp_path: Path, docker_config: dict[str, str]) -> None:
    secret = replace(WEB, environment={"SECRET_KEY": "hunter2"})
    file = written(stack_of(MIGRATE, secret), FRONTED, tmp_path)
    with pytest.raises(AssertionError, match="SECRET_KEY"):
        compose_config(file, docker_config)


VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES | st.sampled_from(["1e3", "no", "${HOME}", "$$", "0o17", "~", "12:30:00", "#", "'"])))
def test_any_value_survives(values: list[str], tmp_path: Path, docker_config: dict[str, str]) -> None:
    """Compose writes what it has read with its own `$` doubled again."""
    environment = {f"V{at}": value for at, value in enumerate(values)}
    process = replace(WORKER, environment=environment, argv=("run", *values), depends_on=())
    found = compose_config(written(stack_of(process), FRONTED_NOT, tmp_path), docker_config)["services"]["worker"]
    assert {name: found["environment"][name].replace("$$", "$") for name in environment} == environment
    assert [word.replace("$$", "$") for word in found["command"][1:]] == values


FRONTED_NOT = ContainerOptions(image=Image(build=False))


def test_instances_that_hold_a_port_of_the_host_cannot_be_two() -> None:
    problems = compose.render(stack_of(MIGRATE, replace(WEB, replicas=2)), FRONTED_NOT).problems
    assert [problem.where for problem in problems if problem.id == "E122"] == ["web.replicas"]


def test_the_front_waits_no_longer_than_a_stop_gives() -> None:
    """Or a request would be cut off by the next release."""
    web = replace(WEB, stop=(StopStep("TERM", 20.0), StopStep("QUIT", 5.0)))
    (conf,) = [file for file in compose.render(stack_of(MIGRATE, web), FRONTED).files if file.path == "nginx.conf"]
    assert "proxy_read_timeout 20s;" in conf.text


def test_a_front_needs_a_process_that_listens() -> None:
    assert "E121" in [problem.id for problem in compose.render(stack_of(BEAT), FRONTED).problems]


@pytest.mark.parametrize(
    ("services", "what"),
    [({"db": {}}, "has no TYPE"), ({"web": {"TYPE": "redis"}}, "is also the name of a process")],
)
def test_a_wrong_service_is_said(services: dict[str, dict[str, str]], what: str) -> None:
    problems = compose.render(stack_of(MIGRATE, WEB, services=services), FRONTED_NOT).problems
    assert [problem.what for problem in problems if problem.id == "E120"] == [what]


def test_what_was_on_loopback_is_published_on_loopback() -> None:
    assert '"127.0.0.1:8000:8000"' in text_of(rendered(stack_of(MIGRATE, WEB), FRONTED_NOT), "compose.yaml")


def test_with_uv_the_image_is_made_from_the_lock_file() -> None:
    options = ContainerOptions(image=Image(install=Installer.UV, packages=("libpq5",)))
    text = text_of(rendered(stack_of(MIGRATE, WEB), options), "Dockerfile")
    assert "uv sync --locked --no-dev" in text
    assert "apt-get install -y --no-install-recommends libpq5" in text
    assert text.index("collectstatic") < text.index("\nUSER app\n") < text.index("\nCMD ")


def test_env_files_do_not_get_into_the_image() -> None:
    options = ContainerOptions(env_file=("more/common.env",), directory="docker")
    files = rendered(stack_of(MIGRATE, replace(WEB, env_files=(f"{HOME}/conf/prod.env",))), options)
    ignored = text_of(files, "Dockerfile.dockerignore").splitlines()
    assert {"conf/prod.env", "more/common.env", "docker", "deploy/compose", "**/.env", "**/*.key"} <= {*ignored}


def test_secrets_as_files_need_a_container_that_can_be_written() -> None:
    options = ContainerOptions(secrets=("SECRET_KEY",), read_only=True)
    problems = compose.ENGINE.render(stack_of(MIGRATE, WEB), options).problems
    assert [problem.where for problem in problems if problem.is_error] == ["secrets"]


def test_another_configuration_of_the_front_is_another_service() -> None:
    texts = [
        text_of(rendered(stack_of(MIGRATE, WEB), replace(FRONTED, front=front)), "compose.yaml").partition(
            "\nconfigs:"
        )[0]
        for front in (FRONTED.front, replace(FRONTED.front, body_bytes=5))
    ]
    assert texts[0] != texts[1]


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        (FRONTED, {}, ["each container would have a db.sqlite3 of its own, which is gone with it"]),
        (replace(FRONTED, volumes=("data:/data",)), {}, []),
        (FRONTED, {"DATABASE_URL": "x"}, []),
    ],
)
def test_a_database_in_a_container_is_warned_of(
    options: ContainerOptions, environment: dict[str, str], said: list[str]
) -> None:
    stack = replace(
        stack_of(replace(WEB, env_files=(), depends_on=(), environment=environment)), sqlite=f"{HOME}/db.sqlite3"
    )
    for engine in (compose.ENGINE, swarm.ENGINE):
        problems = engine.render(stack, options).problems
        assert [problem.what for problem in problems if problem.id == "W127"] == said
