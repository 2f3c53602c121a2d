"""The story of the engines on Docker Compose: nginx in front, a container for each instance."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.console.project import Ended, Project
from tests.engines.dockerd import FEEDREADER, import_image, import_nginx
from tests.engines.story import FETCH_SECONDS, STORY_SECONDS, tell
from tests.engines.swarm.machines import Machine, machines

PORT = 8080  # the machine's network is its own
BROKEN = 'raise RuntimeError("a release that does not boot")\n'
IMAGE, GOOD = "feedreader:latest", "feedreader:good"
FRONT = "nginx:1.28-alpine"
WSGI = "feedreader/wsgi.py"
ENV = {"DATA": "/data", "FETCH_SECONDS": str(FETCH_SECONDS)}
OPTIONS = {"IMAGE": {"BUILD": False}, "FRONT": {"SERVER": "nginx", "PORT": PORT}, "VOLUMES": ["data:/data"]}
DECLARATION = f"""
PRODUCTION_STACK = {{"NAME": "feedreader", "ENV": {ENV}, "ENGINES": {{"compose": {OPTIONS}}}}}
PRODUCTION_PROCESSES["web"] |= {{"REPLICAS": 2, "READINESS": {{"PATH": "/health/", "INTERVAL": 1}}}}
for name in ("worker", "beat"):
    PRODUCTION_PROCESSES[name]["READINESS"] = {{"TYPE": "app", "INTERVAL": 1}}
"""


class Containers:
    """The feed reader's folder on this machine, and its containers on a machine of the tests' own."""

    begin: tuple[str, ...] = ("apply", "--engine", "compose")
    port = PORT

    def __init__(self, project: Project, machine: Machine, docker: Mapping[str, str]) -> None:
        self._project, self._machine, self._docker = project, machine, docker
        shutil.copytree(FEEDREADER, project.directory, dirs_exist_ok=True)
        with (project.directory / "feedreader/settings.py").open("a") as settings:
            settings.write(DECLARATION)

    def procession(self, *words: str) -> Ended:
        environment = {**self._docker, "DATA": str(self._project.directory / "data")}
        done = subprocess.run(
            [*self._project.command, *words], cwd=self._project.directory, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=STORY_SECONDS, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def kill(self, instance: str) -> None:
        """From the host, as the kernel does it: to Docker's own kill it would be a person's wish, and not renewed."""
        rows = json.loads(self.procession("status", "--json").out)["instances"]
        self._machine.run("kill", "-KILL", str(next(row["pid"] for row in rows if row["name"] == instance)))

    def release(self, *, boots: bool) -> None:
        """A new image under the same name."""
        if boots:
            self._machine.docker("tag", GOOD, IMAGE)
            return
        broken = self._project.directory / "broken.py"
        broken.write_text(BROKEN)
        container = self._machine.docker("create", GOOD, "true")
        self._machine.docker("cp", str(broken), f"{container}:/app/{WSGI}")
        self._machine.docker("commit", container, IMAGE)
        self._machine.docker("rm", container)

    def left(self) -> Iterable[str]:
        yield from self._machine.docker("ps", "--all", "--format", "{{.Names}}").splitlines()
        yield from self._machine.docker(
            "network", "ls", "--filter", "type=custom", "--format", "{{.Name}}"
        ).splitlines()


@pytest.fixture
def machine(tmp_path: Path, docker_config: Mapping[str, str]) -> Iterator[Machine]:
    with machines(["one"], tmp_path) as (machine,):
        environment = {**docker_config, **machine.environment}
        import_image(IMAGE, environment, tmp_path / "feedreader.tar")
        import_nginx(FRONT, environment, tmp_path / "nginx.tar")
        machine.docker("tag", IMAGE, GOOD)
        yield machine


@pytest.mark.slow
@pytest.mark.timeout(STORY_SECONDS)
def test_the_story_on_docker_compose(project: Project, machine: Machine, docker_config: Mapping[str, str]) -> None:
    with machine.network():
        tell(Containers(project, machine, {**docker_config, **machine.environment}))
