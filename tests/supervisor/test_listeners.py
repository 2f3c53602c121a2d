"""Listeners: bound by the supervisor, handed over, open while their process restarts; and what is in their way."""

from __future__ import annotations

import os
import signal
import socket
import stat
import sys
from pathlib import Path

import pytest

from procession.stack.model import Listener
from procession.supervisor import __main__ as supervisor_main
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, process

SERVE = """
import socket
count = int(os.environ["LISTEN_FDS"])
assert int(os.environ["LISTEN_PID"]) == os.getpid()
print(os.environ["LISTEN_FDNAMES"], flush=True)
listeners = [socket.socket(fileno=fd) for fd in range(3, 3 + count)]
say("ready")
while True:
    import select
    for listener in select.select(listeners, [], [])[0]:
        client, _ = listener.accept()
        client.sendall(str(os.getpid()).encode())
        client.close()
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def ask(address: tuple[str, int] | str) -> int:
    """The pid of whoever answers there."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as caller:
        caller.settimeout(20)
        caller.connect(address)
        return int(caller.recv(100))


def test_every_kind_of_listener_is_handed_over_in_order(site: Site, stage: Stage, tmp_path: Path) -> None:
    port, port6, path = free_port(), free_port(), str(tmp_path / "web.sock")
    argv = stage.program(SERVE)
    listeners = (Listener(f"127.0.0.1:{port}"), Listener(f"[::1]:{port6}"), Listener(f"unix:{path}", mode=0o660))
    assert site.up(process("web", argv, handoff=argv, listeners=listeners))["done"]
    pid = stage.hear("ready").pid
    assert [ask(("127.0.0.1", port)), ask(("::1", port6)), ask(path)] == [pid] * 3
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    until(lambda: site.log("web.1") == "web:web:web")
    site.down()
    assert not os.path.exists(path)


def test_the_port_is_open_while_its_process_is_started_again(site: Site, stage: Stage) -> None:
    port = free_port()
    argv = stage.program(SERVE)
    site.up(process("web", argv, handoff=argv, listeners=(Listener(f"127.0.0.1:{port}"),)))
    first = stage.hear("ready").pid
    os.kill(first, signal.SIGSTOP)  # it does not answer any more
    waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    os.kill(first, signal.SIGKILL)
    second = stage.hear("ready").pid
    for caller in waiting:
        caller.settimeout(20)
        assert int(caller.recv(100)) == second
        caller.close()


def test_replicas_share_the_port(site: Site, stage: Stage) -> None:
    port = free_port()
    argv = stage.program(SERVE)
    site.up(process("web", argv, handoff=argv, listeners=(Listener(f"127.0.0.1:{port}"),), replicas=3))
    pids = {said.pid for said in stage.hear_all("ready", 3)}
    answering: set[int] = set()
    while len(answering) < 2:
        answering.add(ask(("127.0.0.1", port)))
    assert answering <= pids


def test_a_port_in_use_is_reported_with_its_holder_and_tried_again(site: Site, stage: Stage) -> None:
    argv = stage.program(SERVE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        declared = process("web", argv, handoff=argv, listeners=(Listener(f"127.0.0.1:{port}"),))
        answer = site.up(declared)
        why = f"cannot listen on 127.0.0.1:{port}: address in use by pid {os.getpid()} "
        assert not answer["done"]
        assert why in answer["text"][0]
        assert site.instance("web.1")["last_exit"].startswith(why)
    pid = stage.hear("ready").pid
    assert ask(("127.0.0.1", port)) == pid


def test_a_unix_socket_left_behind_is_replaced_a_living_one_not(site: Site, stage: Stage, tmp_path: Path) -> None:
    path = str(tmp_path / "web.sock")
    argv = stage.program(SERVE)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    answer = site.up(process("web", argv, handoff=argv, listeners=(Listener(f"unix:{path}"),)))
    assert f"cannot listen on unix:{path}: address in use by pid {os.getpid()} " in answer["text"][0]
    listening.close()  # its file stays
    pid = stage.hear("ready").pid
    assert ask(path) == pid


def test_a_program_without_handoff_binds_by_itself(site: Site, stage: Stage) -> None:
    port = free_port()
    body = f"""
import socket
assert "LISTEN_FDS" not in os.environ
server = socket.create_server(("127.0.0.1", {port}))
say("ready")
stay()
"""
    site.up(process("web", stage.program(body), listeners=(Listener(f"127.0.0.1:{port}"),)))
    stage.hear("ready")


def test_what_is_declared_no_more_is_closed(site: Site, stage: Stage) -> None:
    port = free_port()
    argv = stage.program(SERVE)
    site.up(process("web", argv, handoff=argv, listeners=(Listener(f"127.0.0.1:{port}"),)))
    stage.hear("ready")
    site.up(process("other", ("sleep", "1000")))
    site.await_phase("other.1", "ready")

    def is_closed() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return True
        return False

    until(is_closed)


@pytest.mark.parametrize(
    ("bind", "why"),
    [
        ("nonsense", "nonsense: not an address; write host:port or unix:/path"),
        ("192.0.2.1:80", "cannot listen on 192.0.2.1:80: Cannot assign requested address"),
        ("unix:/nonesuch/web.sock", "cannot listen on unix:/nonesuch/web.sock: No such file or directory"),
    ],
)
def test_an_address_that_cannot_be_bound(site: Site, bind: str, why: str) -> None:
    site.up(process("web", ("true",), handoff=("true",), listeners=(Listener(bind),)))
    assert site.await_phase("web.1", "backoff")["last_exit"] == why


def test_after_an_upgrade_the_port_of_a_stopped_process_closes_with_its_declaration(site: Site, stage: Stage) -> None:
    port, argv = free_port(), stage.program(SERVE)
    other = process("other", stage.program("say('other'); stay()"))
    site.up(process("web", argv, handoff=argv, listeners=(Listener(f"127.0.0.1:{port}"),)), other)
    site.call("stop", {"names": ["web"]})
    began = site.status()["supervisor"]["began"]
    site.call("upgrade", {"program": [sys.executable, "-I", "-S", supervisor_main.__file__]})
    until(lambda: site.status()["supervisor"]["began"] != began, "there is no successor")
    socket.create_connection(("127.0.0.1", port)).close()  # held still: it waits in the backlog
    assert site.up(other)["done"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
