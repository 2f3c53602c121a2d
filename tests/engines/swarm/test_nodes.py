"""Two nodes: instances are spread, move when a node is drained, come back when one is lost. beat is never two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.console.project import Project
from tests.e2e.load import Load
from tests.engines.story import STORY_SECONDS, answer, ok, phases, rows
from tests.engines.swarm.machines import Machine, machines, make_swarm
from tests.engines.swarm.place import PORT, Swarm, broker, import_images

READY = {"web.1": "ready", "web.2": "ready", "worker.1": "ready", "beat.1": "ready"}
REQUESTS = 50


@pytest.fixture
def place(project: Project, tmp_path: Path) -> Iterator[Swarm]:
    """The data are in a folder that both nodes have, as with NFS; the server in front is on the manager."""
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    front = {"FRONT": {"SERVER": "nginx", "PORT": PORT}, "FRONT_CONSTRAINTS": ["node.hostname==one"]}
    with machines(["one", "two"], tmp_path) as found, broker() as redis:
        make_swarm(found)
        import_images(found, tmp_path)
        yield Swarm(project, found, redis, {**front, "PUBLISH_MODE": "host"}, str(data))


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(STORY_SECONDS)
def test_instances_go_where_nodes_are(place: Swarm) -> None:
    one, two = place.machines
    with one.network():
        ok(place, *place.begin)
        assert nodes_of(place, "web") == {"one", "two"}
        with Load(PORT) as load:
            load.go_on(REQUESTS)
            one.docker("node", "update", "--availability", "drain", "two")
            await_with_one_beat(place, lambda: phases(place) == READY and nodes_of(place, "web") == {"one"})
            load.go_on(REQUESTS)
        print(f"a node is drained: {load.figures()}")
        assert load.figures().lost == 0, load.failures()[:5]
        one.docker("node", "update", "--availability", "active", "two")
        ok(place, "restart", "beat", "web")  # Swarm moves nothing by itself that runs well.
        assert nodes_of(place, "beat") == {"two"}
        assert "two" in nodes_of(place, "web")
        two.lose_power()
        await_with_one_beat(place, lambda: phases(place) == READY and nodes_of(place, "beat") == {"one"})
        assert answer(place) == 200
        one.docker("node", "rm", "--force", "two")  # Else its instances count as there, and `down` waits for them.
        ok(place, "down")
        assert list(containers(one, "web")) == []


def nodes_of(place: Swarm, process: str) -> set[str]:
    """The nodes on which its instances run."""
    found = (row["why"] for row in rows(place) if row["process"] == process and row["phase"] == "ready")
    return {said.partition("node ")[2].partition(" ")[0] for said in found}


def containers(machine: Machine, process: str) -> list[str]:
    label = f"label=com.docker.swarm.service.name=site_{process}"
    return machine.docker("ps", "--quiet", "--filter", label).split()


def await_with_one_beat(place: Swarm, claim: Callable[[], bool]) -> None:
    """Until `claim()` holds; the test's own deadline ends it. At no look there are two beats."""
    while not claim():
        assert sum(len(containers(machine, "beat")) for machine in place.machines if machine.is_on) <= 1
