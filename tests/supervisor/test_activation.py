"""Listeners that systemd passes on: taken instead of bound, and left to systemd when the supervisor goes down."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from procession.recorder.reading.history import Wanted, read_events
from procession.stack.model import Listener
from procession.supervisor import __main__ as supervisor_main
from tests.faults.killing import await_all_ready, kill_supervisor
from tests.supervisor.programs import DEADLINE_SECONDS, Stage, until
from tests.supervisor.site import Site, process
from tests.supervisor.test_listeners import SERVE, ask, free_port

HIGH_FD = 100  # above what the program that passes them on dups them to
ACTIVATE = "systemd-socket-activate"
PASS_ON = """
import os, sys
count = int(os.environ["LISTEN_FDS"])
for at in range(count):
    os.dup2(int(sys.argv[1 + at]), 3 + at)
    os.close(int(sys.argv[1 + at]))
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[1 + count], sys.argv[1 + count:])
"""


def start_with(site: Site, *listeners: socket.socket, names: str = "", **environment: str) -> None:
    """Start the supervisor as systemd would: these on fds 3, 4, ..., and LISTEN_PID its own."""
    fds = tuple(fcntl.fcntl(each.fileno(), fcntl.F_DUPFD_CLOEXEC, HIGH_FD) for each in listeners)
    through = (sys.executable, "-S", "-c", PASS_ON, *map(str, fds))
    site.start(
        environment={"LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": names, **environment}, through=through, fds=fds
    )
    for fd in fds:
        os.close(fd)


def passed(site: Site) -> list[dict[str, Any]]:
    """The details of the events that tell of passed listeners."""
    events = read_events(str(site.directory), Wanted())
    return [dict(event.detail) for event in events if event.kind == "listeners-passed"]


def bind_all(port: int) -> socket.socket:
    """As ListenStream=PORT: all addresses of IPv6, and of IPv4 with them."""
    return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)


def bind_unix(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    return listener


def test_they_are_taken_instead_of_bound(site: Site, stage: Stage, tmp_path: Path) -> None:
    path = str(tmp_path / "web.sock")
    with socket.create_server(("127.0.0.1", 0)) as first, bind_unix(path) as second:
        port, argv = first.getsockname()[1], stage.program(SERVE)
        start_with(site, second, first, names="b:a")
        listeners = (Listener(f"127.0.0.1:{port}"), Listener(f"unix:{path}"))
        assert site.up(process("web", argv, handoff=argv, listeners=listeners))["done"]
        pid = stage.hear("ready").pid
        assert [ask(("127.0.0.1", port)), ask(path)] == [pid, pid]
        until(lambda: site.log("web.1") == "web:web")  # LISTEN_FDNAMES is its own, not ours
        site.down()
        assert os.path.exists(path), "the file is systemd's"
        with socket.create_connection(("127.0.0.1", port)) as caller:
            answering, _ = first.accept()
            answering.sendall(b"systemd")
            assert caller.recv(100) == b"systemd"
            answering.close()


def test_what_no_process_serves_is_closed_and_told(site: Site, stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as web, socket.create_server(("127.0.0.1", 0)) as other:
        argv, addresses = stage.program(SERVE), [f"127.0.0.1:{each.getsockname()[1]}" for each in (web, other)]
        start_with(site, web, other, names="web.socket:other.socket")
        site.up(process("web", argv, handoff=argv, listeners=(Listener(addresses[0]),)))
        stage.hear("ready")
        supervisor = site.status()["supervisor"]["pid"]
        assert inode(other) not in open_sockets(supervisor)
        assert inode(web) in open_sockets(supervisor)
    site.down()
    assert passed(site) == [{"taken": [f"{addresses[0]} (web.socket)"], "closed": [f"{addresses[1]} (other.socket)"]}]


def test_a_bare_port_of_systemd_serves_all_addresses_of_ipv4(site: Site, stage: Stage) -> None:
    port, argv = free_port(), stage.program(SERVE)
    with bind_all(port) as both:
        start_with(site, both)
        site.up(process("web", argv, handoff=argv, listeners=(Listener(f"0.0.0.0:{port}"),)))
        pid = stage.hear("ready").pid
        assert [ask(("127.0.0.1", port)), ask(("::1", port))] == [pid, pid]


def test_one_address_is_not_served_by_all(site: Site, stage: Stage) -> None:
    """It would open to the network what was declared for this machine alone."""
    port, argv = free_port(), stage.program(SERVE)
    with bind_all(port) as both:
        start_with(site, both)
        answer = site.up(process("web", argv, handoff=argv, listeners=(Listener(f"127.0.0.1:{port}"),)))
        assert f"cannot listen on 127.0.0.1:{port}: address in use by pid {os.getpid()}" in answer["text"][0]


def test_a_process_that_is_declared_again_finds_its_listener(site: Site, stage: Stage, tmp_path: Path) -> None:
    path, argv = str(tmp_path / "web.sock"), stage.program(SERVE)
    declared = process("web", argv, handoff=argv, listeners=(Listener(f"unix:{path}"),))
    with bind_unix(path) as listener:
        start_with(site, listener)
        site.up(declared)
        stage.hear("ready")
        site.up(process("other", ("sleep", "1000")))
        until(lambda: len(site.status()["instances"]) == 1)
        assert os.path.exists(path)
        site.up(declared)
        assert ask(path) == stage.hear("ready").pid


@pytest.mark.parametrize("pid", ["1", ""])
def test_variables_meant_for_another_process_say_nothing(site: Site, stage: Stage, pid: str) -> None:
    site.start(environment={"LISTEN_PID": pid, "LISTEN_FDS": "5", "LISTEN_FDNAMES": "a:b:c:d:e"})
    port, argv = free_port(), stage.program(SERVE)
    site.up(process("web", argv, handoff=argv, listeners=(Listener(f"127.0.0.1:{port}"),)))
    assert ask(("127.0.0.1", port)) == stage.hear("ready").pid


def test_instances_are_not_told_of_them(site: Site, stage: Stage) -> None:
    body = 'assert not [name for name in os.environ if name.startswith("LISTEN_")]\nsay("ready")\nstay()\n'
    with socket.create_server(("127.0.0.1", 0)) as listener:
        start_with(site, listener)
        site.up(process("worker", stage.program(body)))
        pid = stage.hear("ready").pid
        assert inode(listener) not in open_sockets(pid)


def test_systemd_is_given_each_listener_to_keep_and_what_it_kept_is_ours(
    site: Site, stage: Stage, tmp_path: Path
) -> None:
    """So it is closed for all when we go down, and the file goes with it."""
    path, argv = str(tmp_path / "web.sock"), stage.program(SERVE)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, bind_unix(path) as kept:
        systemd.bind(str(tmp_path / "systemd"))
        systemd.settimeout(DEADLINE_SECONDS)
        notify = {"NOTIFY_SOCKET": str(tmp_path / "systemd")}
        port = free_port()
        listeners = (Listener(f"unix:{path}"), Listener(f"127.0.0.1:{port}"))
        start_with(site, kept, names="procession-listener-1", **notify)
        site.up(process("web", argv, handoff=argv, listeners=listeners))
        assert [ask(path), ask(("127.0.0.1", port))] == [stage.hear("ready").pid] * 2
        words, fds, _, _ = socket.recv_fds(systemd, 4096, 1)
        assert words.startswith(b"FDSTORE=1\nFDNAME=procession-listener-")
        with socket.socket(fileno=fds[0]) as given:
            assert given.getsockname() == ("127.0.0.1", port)
        site.down()
        assert words.replace(b"FDSTORE=", b"FDSTOREREMOVE=") in iter(lambda: systemd.recv(4096), b"")
        assert not os.path.exists(path)


def test_after_kill_9_the_listener_is_taken_back(site: Site, stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, argv = listener.getsockname()[1], stage.program(SERVE)
        start_with(site, listener)
        site.up(process("web", argv, handoff=argv, listeners=(Listener(f"127.0.0.1:{port}"),)))
        first = stage.hear("ready").pid
        kill_supervisor(site)
        assert await_all_ready(site) == {"web.1": first}
        os.kill(first, signal.SIGKILL)
        second = stage.hear("ready").pid
        assert ask(("127.0.0.1", port)) == second


def test_after_an_upgrade_they_are_lent_still(site: Site, stage: Stage, tmp_path: Path) -> None:
    path, argv = str(tmp_path / "web.sock"), stage.program(SERVE)
    with bind_unix(path) as listener:
        start_with(site, listener)
        site.up(process("web", argv, handoff=argv, listeners=(Listener(f"unix:{path}"),)))
        first = stage.hear("ready").pid
        began = site.status()["supervisor"]["began"]
        site.call("upgrade", {"program": [sys.executable, "-I", "-S", supervisor_main.__file__]})
        until(lambda: site.status()["supervisor"]["began"] != began, "there is no successor")
        os.kill(first, signal.SIGKILL)
        assert ask(path) == stage.hear("ready").pid
        site.down()
        assert os.path.exists(path), "the file is systemd's"


@pytest.mark.skipif(not shutil.which(ACTIVATE), reason=f"{ACTIVATE} is not installed")
def test_as_systemd_itself_passes_them_on(site: Site, stage: Stage) -> None:
    """Its own tool: it listens, and at the first connection becomes the supervisor."""
    port, argv = free_port(), stage.program(SERVE)
    with ThreadPoolExecutor(1) as visitor:
        first = visitor.submit(ask_when_open, port)
        listen = (ACTIVATE, "--listen", f"127.0.0.1:{port}", "--fdname", "web.socket")
        supervisor = (sys.executable, "-I", "-S", supervisor_main.__file__, "--directory", str(site.directory))
        site.started.append(subprocess.Popen([*listen, *supervisor], stderr=subprocess.DEVNULL))
        site.up(process("web", argv, handoff=argv, listeners=(Listener(f"127.0.0.1:{port}"),)))
        assert first.result() == stage.hear("ready").pid, "the connection that began it all was answered"
    site.down()
    assert passed(site) == [{"taken": [f"127.0.0.1:{port} (web.socket)"], "closed": []}]


def ask_when_open(port: int) -> int:
    answers: list[int] = []

    def is_answered() -> bool:
        try:
            answers.append(ask(("127.0.0.1", port)))
        except ConnectionRefusedError:
            return False
        return True

    until(is_answered, "nobody listens")
    return answers[0]


def open_sockets(pid: int) -> set[int]:
    """The inodes of the sockets that the process has open."""
    links = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]
    return {int(link[len("socket:[") : -1]) for link in links if link.startswith("socket:[")}


def inode(sock: socket.socket) -> int:
    return os.fstat(sock.fileno()).st_ino
