"""kill -9 of the supervisor in the middle of a roll, under load: no request fails, one of each is there afterwards."""

from __future__ import annotations

import pytest

from procession.stack.model import Listener, Probe, ProbeType
from tests.faults.killing import assert_one_of_each, await_all_ready, kill_supervisor
from tests.faults.load import Load
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, process
from tests.supervisor.test_listeners import free_port

IN_ORDER = """
import socket, select
listener = socket.socket(fileno=3)
listener.setblocking(False)
leaving = []
signal.signal(TERM, lambda *_: leaving.append(1))
say("ready")
while not leaving:
    if not select.select([listener], [], [], 0.01)[0]:
        continue
    try:
        client, _ = listener.accept()
    except BlockingIOError:
        continue
    client.setblocking(True)
    client.recv(4096)
    client.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nhello")
    client.close()
"""


@pytest.mark.parametrize("moment", ["the new one begins", "the new one is ready", "the second one begins"])
def test_one_of_each_afterwards(site: Site, stage: Stage, moment: str) -> None:
    port, argv = free_port(), stage.program(IN_ORDER)
    probe = Probe(type=ProbeType.NONE)  # an address that they share would be answered by the old one
    listeners = (Listener(f"127.0.0.1:{port}"),)
    site.up(process("web", argv, handoff=argv, listeners=listeners, replicas=2, readiness=probe))
    first = {said.pid for said in stage.hear_all("ready", 2)}
    with Load(port) as load:
        client = site.connect()
        client.ask("roll", {"names": ["web"]})
        client.ask("watch")
        if moment == "the new one begins":
            until(lambda: len(site.status()["instances"]) == 3)
        else:
            stage.hear_all("ready", 1 if moment == "the new one is ready" else 2)
        kill_supervisor(site)
        client.close()
        until(lambda: len(site.status()["instances"]) == 2, lambda: str(site.status()["instances"]))
        pids = await_all_ready(site)
        load.go_on()
    assert load.failed == []
    assert sorted(pids) == ["web.1", "web.2"]
    assert_one_of_each(site, pids)
    if moment != "the new one begins":  # one that had not exec'd yet dies with its supervisor
        assert set(pids.values()) - first, "it has got somewhere"
