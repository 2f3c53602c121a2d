"""Clients of the control socket that mean no good, or are broken. The others are answered all the while.

What makes no sense, too long lines, and other users: tests/supervisor/test_control.py.
"""

from __future__ import annotations

import os
import socket
import time

from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Client, Site, milliseconds_since, process

STEADY = 'say("ready")\nstay()\n'


def connect_raw(site: Site) -> socket.socket:
    caller = socket.socket(socket.AF_UNIX)
    caller.connect(str(site.directory / "control.sock"))  # without a timeout, it waits for room in the backlog
    caller.settimeout(20)
    return caller


def test_a_thousand_connections(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program(STEADY)))
    first = site.connect()
    crowd = [connect_raw(site) for _ in range(1000)]
    assert first.call("status")["done"]
    for caller in crowd:
        caller.close()
    assert site.status()["instances"][0]["phase"] == "ready"
    first.close()
    fds = f"/proc/{site.popen.pid}/fd"
    until(lambda: len(os.listdir(fds)) < 40, lambda: str(len(os.listdir(fds))))


def test_half_a_line_and_gone(site: Site) -> None:
    site.start()
    for piece in (b'{"v": 1, "id": 1, "verb": "do', b"", b"\xff\xfe\x00" * 1000, b"\n" * 1000):
        with connect_raw(site) as caller:
            caller.sendall(piece)
    assert site.call("status")["done"]


def test_garbage_of_every_kind(site: Site) -> None:
    site.start()
    with connect_raw(site) as caller:
        caller.sendall(
            os.urandom(1 << 20).replace(b"\n", b"") + b"\n" + b"[" * 100_000 + b"\n" + b"\0\n" + b'{"v": 1}\n'
        )
        caller.shutdown(socket.SHUT_WR)
        answers = b"".join(iter(lambda: caller.recv(65536), b"")).splitlines()
    assert len(answers) == 4
    assert site.call("status")["done"]


def test_a_request_in_single_bytes(site: Site) -> None:
    site.start()
    client = site.connect()
    for byte in b'{"v":1,"id":7,"verb":"status"}\n':
        client.socket.sendall(bytes([byte]))
        assert site.call("status")["done"]
    assert client.next()["id"] == 7
    client.close()


def test_clients_that_never_read_do_not_delay_the_end(site: Site, stage: Stage) -> None:
    """Each has an answer that it does not take, and would be given a second for it."""
    site.up(process("web", stage.program(STEADY), replicas=20))
    stage.hear_all("ready", 20)
    deaf = [site.connect() for _ in range(40)]
    for client in deaf:
        client.socket.sendall(b'{"v":1,"id":1,"verb":"status"}\n' * 200)
    began = time.monotonic()
    site.down()
    assert milliseconds_since(began) < 15_000
    for client in deaf:
        client.close()


def test_a_control_socket_that_somebody_removed(site: Site, stage: Stage) -> None:
    """Nobody can be told `down` any more; SIGTERM says the same."""
    site.up(process("web", stage.program(STEADY)))
    client: Client = site.connect()
    (site.directory / "control.sock").unlink()
    assert client.call("down")["done"]
    assert site.popen.wait(20) == 0
    client.close()
