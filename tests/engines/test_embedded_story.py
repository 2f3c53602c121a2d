"""The story of the engines, on our own supervisor."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.backends.serving import free_port
from tests.console.project import Ended, Project
from tests.engines.story import FETCH_SECONDS, STORY_SECONDS, tell

REPOSITORY = Path(__file__).resolve().parents[2]
BROKEN = 'raise RuntimeError("a release that does not boot")\n'


class Folder:
    """The feed reader in a folder of this machine, and the embedded supervisor."""

    begin: tuple[str, ...] = ("up", "-d")

    def __init__(self, project: Project) -> None:
        self._project = project
        self.port = free_port()
        shutil.copytree(REPOSITORY / "examples/feedreader", project.directory, dirs_exist_ok=True)
        settings = project.directory / "feedreader/settings.py"
        environment = {"PORT": str(self.port), "FETCH_SECONDS": str(FETCH_SECONDS)}
        more = [f"PRODUCTION_STACK = {{'ENV': {environment}}}", 'PRODUCTION_PROCESSES["web"]["REPLICAS"] = 2']
        more += [f'PRODUCTION_PROCESSES["web"]["ARGS"]["bind"] = "127.0.0.1:{self.port}"']
        settings.write_text("\n".join([settings.read_text(), *more, ""]))

    def procession(self, *words: str) -> Ended:
        return self._project.run(*words)

    def kill(self, instance: str) -> None:
        os.kill(self._project.instance(instance)["pid"], signal.SIGKILL)

    def release(self, *, boots: bool) -> None:
        wsgi = REPOSITORY / "examples/feedreader/feedreader/wsgi.py"
        (self._project.directory / "feedreader/wsgi.py").write_text(wsgi.read_text() if boots else BROKEN)

    def left(self) -> Iterable[str]:
        return [f"pid {pid}" for pid in self._project.members()]


@pytest.mark.slow
@pytest.mark.timeout(STORY_SECONDS)
def test_the_story_on_our_own_supervisor(project: Project) -> None:
    tell(Folder(project))
