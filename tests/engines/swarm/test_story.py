"""The story of the engines on Docker Swarm: one node, nginx in front, which holds the port of its node."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.console.project import Project
from tests.engines.story import STORY_SECONDS, tell
from tests.engines.swarm.machines import machines, make_swarm
from tests.engines.swarm.place import PORT, Swarm, broker, import_images


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(STORY_SECONDS)
def test_the_story_on_docker_swarm(project: Project, tmp_path: Path) -> None:
    with machines(["one"], tmp_path) as found, broker() as redis:
        make_swarm(found)
        import_images(found, tmp_path)
        options = {"FRONT": {"SERVER": "nginx", "PORT": PORT}, "PUBLISH_MODE": "host"}
        with found[0].network():
            tell(Swarm(project, found, redis, options))
