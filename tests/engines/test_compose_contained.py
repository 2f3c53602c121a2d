"""Docker Compose for real, what the story does not tell: values, a task in hand, a failed release, one container."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.console.project import Ended, Project, await_true
from tests.e2e.load import Load
from tests.engines.built import import_python
from tests.engines.dockerd import FEEDREADER, USER, import_caddy, import_image, import_nginx, import_redis
from tests.engines.story import STORY_SECONDS
from tests.engines.swarm.machines import Machine, machines

pytestmark = [pytest.mark.slow, pytest.mark.timeout(STORY_SECONDS)]
IMAGE = "feedreader:latest"
REQUESTS = 100
PORT = 8080  # the machine's network is its own
VALUES = [
    "%d %%",
    "$HOME ${HOME} $$ $(id)",
    "a\"b'c`\\",
    "two\nlines\n",
    " spaces ",
    "",
    "# no comment",
    "ä€😀\t",
    "- :{}[]&*!|>",
]
SAYS = "import json,os,sys;print(json.dumps([sys.argv[1:],[os.environ[f'V{at}'] for at in range(len(sys.argv)-1)]]))"
ASKS = "import socket;s=socket.create_connection(('cache',6379));s.sendall(b'PING\\r\\n');print(s.recv(99).decode())"
NAP = """
import time
from feedreader.celery import app

@app.task
def nap():
    print("the nap begins", flush=True)
    time.sleep(12)  # longer than Docker itself would wait
    print("the nap ends", flush=True)
"""
LOOK = """
import os
print(os.getuid(), os.access("manage.py", os.W_OK), os.environ["SECRET_KEY"], *(p for p in (%r) if os.path.exists(p)))
open("made", "w").close()
try:
    os.rename("manage.py", "moved.py")
except PermissionError:
    print("not moved")
"""
PRIVATE = (".env", "conf/.env", "conf/tls.key", "deploy/compose/.env", "deploy/compose/compose.yaml")
WEB = {"BACKEND": "gunicorn", "READINESS": {"PATH": "/health/", "INTERVAL": 1, "WITHIN": 300}}
MANAGE = {"BACKEND": "manage", "TYPE": "task"}


class Site:
    """The feed reader's folder here, with another declaration; its containers on a machine of the tests' own."""

    def __init__(self, project: Project, machine: Machine, docker: Mapping[str, str]) -> None:
        self.machine, self._project, self._docker = machine, project, {**docker, **machine.environment}
        shutil.copytree(FEEDREADER, project.directory, dirs_exist_ok=True)
        self.services: dict[str, dict[str, str]] = {}
        self._settings = (project.directory / "feedreader/settings.py").read_text()

    def declare(self, processes: Mapping[str, object], options: Mapping[str, object], env: Mapping[str, str]) -> str:
        """The text of its settings."""
        stack = {"NAME": "site", "ENV": env, "ENGINES": {"compose": {"VOLUMES": ["data:/data"], **options}}}
        stack["SERVICES"] = self.services
        text = f"{self._settings}\nPRODUCTION_PROCESSES = {processes!r}\nPRODUCTION_STACK = {stack!r}\n"
        self.write_settings(text)
        return text

    def write_settings(self, text: str) -> None:
        (self._project.directory / "feedreader/settings.py").write_text(text)

    def run(self, *words: str) -> Ended:
        environment = {**self._docker, "DATA": str(self._project.directory / "data")}
        done = subprocess.run(
            [*self._project.command, *words], cwd=self._project.directory, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=STORY_SECONDS, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str) -> Ended:
        ended = self.run(*words)
        assert ended.code == 0, ended
        return ended

    def row(self, name: str) -> Mapping[str, Any]:
        rows = json.loads(self.run("status", "--json").out)["instances"]
        found: Mapping[str, Any] = next(row for row in rows if row["name"] == name)
        return found

    def phases(self) -> dict[str, str]:
        return {row["name"]: row["phase"] for row in json.loads(self.run("status", "--json").out)["instances"]}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with machines(["one"], tmp_path) as (machine,):
        yield machine


@pytest.fixture
def site(project: Project, machine: Machine, docker_config: Mapping[str, str]) -> Site:
    return Site(project, machine, docker_config)


def test_values_arrive_a_task_in_hand_is_finished_and_a_release_that_fails_changes_nothing(
    site: Site, tmp_path: Path, docker_config: Mapping[str, str]
) -> None:
    environment = {**docker_config, **site.machine.environment}
    import_image(IMAGE, environment, tmp_path / "image.tar")
    import_redis("redis:7.4", environment, tmp_path / "redis.tar")
    site.services = {"cache": {"TYPE": "redis"}}
    site.machine.build(IMAGE, f"FROM {IMAGE}\nCOPY nap.py /app/nap.py\n", {"nap.py": NAP})
    options = {"IMAGE": {"BUILD": False, "NAME": IMAGE}}
    says = {"COMMAND": ["python", "-c", SAYS, *VALUES], "TYPE": "task"}
    worker = {
        "BACKEND": "celery-worker", "APP": "nap.app", "ARGS": {"concurrency": 1}, "LIMITS": {"MEMORY": "512M"},
        "READINESS": {"TYPE": "app", "INTERVAL": 1, "WITHIN": 300}, "DEPENDS_ON": ["says"],
    }  # fmt: skip
    env = {"DATA": "/data", **{f"V{at}": value for at, value in enumerate(VALUES)}}
    asks = {"COMMAND": ["python", "-c", ASKS], "TYPE": "task"}
    site.declare({"asks": asks, "says": says, "worker": worker}, options, env)
    site.ok("apply", "--engine", "compose")

    assert json.loads(site.machine.docker("logs", "site-says-1")) == [VALUES, VALUES]
    assert site.machine.docker("logs", "site-asks-1") == "+PONG"
    assert int(site.machine.docker("inspect", "--format", "{{.HostConfig.Memory}}", "site-worker-1")) == 512 * 2**20

    before = site.row("worker.1")["pid"]
    site.declare(
        {"asks": asks, "says": {**says, "COMMAND": ["false"]}, "worker": worker}, options, {**env, "MORE": "1"}
    )
    ended = site.run("apply")
    assert (ended.code, "says failed: exit code" in ended.err) == (1, True), ended
    assert site.row("worker.1")["pid"] == before

    site.machine.docker("exec", "site-worker-1", "python", "-c", "import nap; nap.nap.delay()")
    await_true(lambda: "the nap begins" in site.ok("logs", "worker").out, "the task is in hand")
    site.ok("stop", "worker")
    assert "the nap ends" in site.ok("logs", "worker").out
    assert (site.row("worker.1")["phase"], site.row("worker.1")["why"]) == ("stopped", "exited")


def test_one_container_holds_the_whole_site_and_ends_it_in_order(
    site: Site, tmp_path: Path, docker_config: Mapping[str, str]
) -> None:
    import_image(IMAGE, {**docker_config, **site.machine.environment}, tmp_path / "image.tar")
    beat = {"BACKEND": "celery-beat", "APP": "feedreader.celery.app", "DEPENDS_ON": ["migrate"]}
    processes = {
        "web": {**WEB, "ARGS": {"bind": f"0.0.0.0:{PORT}"}, "REPLICAS": 2, "DEPENDS_ON": ["migrate", "static"]},
        "beat": beat,
        "migrate": {**MANAGE, "ARGS": "migrate --noinput"},
        "static": {**MANAGE, "ARGS": "collectstatic --noinput"},
    }
    text = site.declare(processes, {"FORM": "one", "IMAGE": {"BUILD": False, "NAME": IMAGE}}, {"DATA": "/data"})
    site.machine.build(IMAGE, f"FROM {IMAGE}\nCOPY settings.py /app/feedreader/settings.py\n", {"settings.py": text})
    site.ok("apply", "--engine", "compose")

    inside = site.machine.docker("exec", "site-site-1", "python", "-m", "procession", "status")
    assert sorted(re.findall(r"^(\S+) +ready", inside, re.MULTILINE)) == ["beat.1", "web.1", "web.2"]
    assert site.phases() == {
        **dict.fromkeys(("web.1", "web.2", "beat.1"), "ready"),
        "migrate.1": "done",
        "static.1": "done",
    }
    with site.machine.network(), urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health/", timeout=60) as answer:
        assert answer.status == 200
    site.ok("roll", "web")
    site.machine.docker("exec", "site-site-1", "sh", "-c", "(sh -c 'exit 0' &)")  # an orphan, for PID 1 to bury
    await_true(lambda: "<defunct>" not in site.machine.docker("top", "site-site-1"), "no zombie is left")

    site.machine.docker("stop", "site-site-1")
    assert site.machine.docker("inspect", "--format", "{{.State.ExitCode}}", "site-site-1") == "0"
    assert "Worker exiting" in site.machine.docker("logs", "site-site-1")
    site.ok("down")


def test_the_image_that_is_built_runs_the_site(site: Site, tmp_path: Path, docker_config: Mapping[str, str]) -> None:
    environment = {**docker_config, **site.machine.environment}
    import_python("python:3.13-slim", environment, tmp_path)
    import_nginx("nginx:1.28-alpine", environment, tmp_path / "nginx.tar")
    for path in PRIVATE[:-1]:
        private = tmp_path / "site" / path
        private.parent.mkdir(parents=True, exist_ok=True)
        private.write_text("SECRET_KEY=hunter2\n")
    processes = {
        "web": {**WEB, "ARGS": {"bind": "127.0.0.1:8000"}, "DEPENDS_ON": ["migrate"], "ENV_FILE": ".env"},
        "migrate": {**MANAGE, "ARGS": "migrate --noinput"},
    }
    front = {"SERVER": "nginx", "PORT": PORT}
    site.declare(
        processes, {"IMAGE": {"STATIC_ROOT": "data/static"}, "FRONT": front}, {"DATABASE_URL": "sqlite:////data/db"}
    )
    site.ok("apply", "--engine", "compose")

    with site.machine.network():
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=60) as answer:
            style = re.findall(r"/static/[^\"]*\.css", answer.read().decode())[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{style}", timeout=60) as answer:
            assert (answer.headers["Content-Type"], "nginx" in answer.headers["Server"]) == ("text/css", True)
            assert "max-age=315360000" in answer.headers["Cache-Control"]
    look = site.machine.docker("exec", "site-web-1", "python", "-c", LOOK % (PRIVATE,))
    assert look == f"{USER} False hunter2\nnot moved"
    assert "hunter2" not in site.machine.docker("history", "--no-trunc", "site:latest")
    site.ok("down")


def is_answered() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health/", timeout=60) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_caddy_in_front_leads_through_a_roll_and_takes_its_new_configuration(
    site: Site, tmp_path: Path, docker_config: Mapping[str, str]
) -> None:
    environment = {**docker_config, **site.machine.environment}
    import_image(IMAGE, environment, tmp_path / "image.tar")
    import_caddy("caddy:2.10-alpine", environment, tmp_path / "caddy.tar")
    web = {**WEB, "ARGS": {"bind": "127.0.0.1:8000"}, "REPLICAS": 2, "DEPENDS_ON": ["migrate"]}
    processes = {"web": web, "migrate": {**MANAGE, "ARGS": "migrate --noinput"}}
    front = {"SERVER": "caddy", "PORT": PORT}
    options = {"IMAGE": {"BUILD": False, "NAME": IMAGE}, "FRONT": front}
    text = site.declare(processes, options, {"DATA": "/data"})
    site.ok("apply", "--engine", "compose")
    with site.machine.network():
        await_true(is_answered, "Caddy leads to the site")
    with site.machine.network(), Load(PORT, "/health/") as load:
        load.go_on(REQUESTS)
        site.ok("roll", "web")
        load.go_on(REQUESTS)
    print(f"roll of web behind Caddy: {load.figures()}")
    assert load.figures().lost == 0, load.failures()[:5]

    before = site.row("front.1")["pid"]
    changed = text.replace("'SERVER': 'caddy'", "'SERVER': 'caddy', 'BODY': 5")
    site.write_settings(changed)
    site.ok("apply")
    assert site.row("front.1")["pid"] != before
    with site.machine.network(), pytest.raises(urllib.error.HTTPError, match=r"413|502"):
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", b"x" * 6, timeout=60)
    site.ok("down")
