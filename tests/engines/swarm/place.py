"""The feed reader on a swarm, as the story wants it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.console.project import Ended, Project
from tests.engines.dockerd import ROOT, import_image, import_nginx
from tests.engines.story import FETCH_SECONDS, STORY_SECONDS
from tests.engines.swarm.machines import Machine

IMAGE = "feedreader:latest"
NGINX = "nginx:1.28-alpine"
PORT = 8000
BROKEN = 'raise RuntimeError("a release that does not boot")\n'
WSGI = "feedreader/wsgi.py"
SETTINGS = """
PRODUCTION_STACK = {{"ENV": {environment!r}, "ENGINES": {{"swarm": {options!r}}}}}
PRODUCTION_PROCESSES["web"]["REPLICAS"] = 2
"""


class Swarm:
    """The site's folder; `procession` typed there, with the manager's Docker."""

    begin: tuple[str, ...] = ("apply", "--engine", "swarm")
    port = PORT

    def __init__(
        self, project: Project, found: Sequence[Machine], environment: Mapping[str, str], options: Mapping[str, object]
    ) -> None:
        self._project = project
        self.machines = found
        shutil.copytree(ROOT / "examples/feedreader", project.directory, dirs_exist_ok=True)
        settings = project.directory / "feedreader/settings.py"
        told = {"FETCH_SECONDS": str(FETCH_SECONDS), "DATA": "/data", **environment}
        said = {"IMAGE": {"NAME": IMAGE, "BUILD": False}, "VOLUMES": ["data:/data"], **options}
        settings.write_text(settings.read_text() + SETTINGS.format(environment=told, options=said))

    def procession(self, *words: str) -> Ended:
        environment = self._project.environment(self.machines[0].environment)
        argv = [*self._project.command, *words]
        done = subprocess.run(
            argv, cwd=self._project.directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=STORY_SECONDS, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def kill(self, instance: str) -> None:
        for machine in self.machines:
            label = "label=com.docker.swarm.task.name"
            for id_ in machine.docker("ps", "--quiet", "--filter", label).split():
                task = machine.docker(
                    "inspect", "--format", '{{index .Config.Labels "com.docker.swarm.task.name"}} {{.State.Pid}}', id_
                )
                name, pid = task.split()
                if f"_{instance}." in name:
                    machine.run("kill", "-KILL", pid)

    def release(self, *, boots: bool) -> None:
        wsgi = (ROOT / "examples/feedreader" / WSGI).read_text() if boots else BROKEN
        for machine in self.machines:
            machine.build(IMAGE, f"FROM {IMAGE}\nCOPY wsgi.py /app/{WSGI}\n", {"wsgi.py": wsgi})

    def left(self) -> Iterable[str]:
        for machine in self.machines:
            yield from machine.docker("ps", "--all", "--format", "{{.Names}}").splitlines()
        yield from self.machines[0].docker("service", "ls", "--format", "{{.Name}}").splitlines()


def import_images(found: Sequence[Machine], folder: Path) -> None:
    for machine in found:
        told = {**os.environ, **machine.environment}
        import_image(IMAGE, told, folder / "image.tar")
        import_nginx(NGINX, told, folder / "nginx.tar")
