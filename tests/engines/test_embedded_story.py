"""The story of the engines, on our own supervisor."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable

import pytest

from tests.backends.serving import free_port
from tests.console.project import Ended, Project
from tests.engines.feedreader import make_feedreader, write_release
from tests.engines.story import STORY_SECONDS, tell


class Folder:
    """The feed reader in a folder of this machine, and the embedded supervisor."""

    begin: tuple[str, ...] = ("up", "-d")

    def __init__(self, project: Project, broker: str) -> None:
        self._project = project
        self.port = free_port()
        make_feedreader(project.directory, self.port, broker)

    def procession(self, *words: str) -> Ended:
        return self._project.run(*words)

    def kill(self, instance: str) -> None:
        os.kill(self._project.instance(instance)["pid"], signal.SIGKILL)

    def release(self, *, boots: bool) -> None:
        write_release(self._project.directory, boots=boots)

    def left(self) -> Iterable[str]:
        return [f"pid {pid}" for pid in self._project.members()]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(STORY_SECONDS)
def test_the_story_on_our_own_supervisor(project: Project, broker: str) -> None:
    tell(Folder(project, broker))
