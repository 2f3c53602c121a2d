"""To scale one process, to nothing and back, touches no other: the same pids, and no failed request."""

from __future__ import annotations

import socket

import pytest

from procession.stack.model import Listener
from tests.faults.load import SERVE, Load
from tests.supervisor.programs import Stage, is_alive
from tests.supervisor.site import Site, process
from tests.supervisor.test_listeners import free_port

STEADY = 'say("ready")\nstay()\n'
ANSWER = """
import socket
listener = socket.socket(fileno=3)
say("ready")
while True:
    client, _ = listener.accept()
    client.recv(4096)
    client.sendall(b"hello")
    client.close()
"""


def pids(site: Site, process: str) -> dict[str, int]:
    return {one["name"]: one["pid"] for one in site.status()["instances"] if one["process"] == process}


def scale(site: Site, name: str, count: int) -> None:
    assert site.call("scale", {"counts": {name: count}})["done"]
    assert list(pids(site, name)) == [f"{name}.{number}" for number in range(1, count + 1)]


@pytest.mark.slow
def test_the_others_go_on_under_load(site: Site, stage: Stage) -> None:
    port, argv = free_port(), stage.program(SERVE)
    site.up(
        process("web", argv, handoff=argv, listeners=(Listener(f"127.0.0.1:{port}"),), replicas=2),
        process("worker", stage.program(STEADY)),
        process("other", stage.program(STEADY)),
    )
    web, other, first = pids(site, "web"), pids(site, "other"), pids(site, "worker")
    with Load(port) as load:
        load.go_on()
        scale(site, "worker", 5)
        assert pids(site, "worker")["worker.1"] == first["worker.1"]
        for count in (0, 3, 0, 1):
            before = pids(site, "worker")
            scale(site, "worker", count)
            assert not any(is_alive(pid) for name, pid in before.items() if name not in pids(site, "worker"))
            load.go_on(50)
        scale(site, "web", 4)
        assert {name: pids(site, "web")[name] for name in web} == web
        load.go_on(50)
    assert load.failed == []
    assert pids(site, "web") | web == pids(site, "web")
    assert pids(site, "other") == other


def test_a_port_of_none_is_closed_and_served_again_by_the_next(site: Site, stage: Stage) -> None:
    """Nobody is left waiting in a backlog that nobody reads: a proxy goes to another host at once."""
    port, argv = free_port(), stage.program(ANSWER)
    site.up(process("web", argv, handoff=argv, listeners=(Listener(f"127.0.0.1:{port}"),)))
    stage.hear("ready")
    for _ in range(2):
        scale(site, "web", 0)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=20)
        scale(site, "web", 1)
        stage.hear("ready")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as caller:
            caller.sendall(b"hello?")
            assert caller.recv(4096) == b"hello"
