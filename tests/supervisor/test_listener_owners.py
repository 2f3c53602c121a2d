"""Whose a listener is: unix sockets with a mode and an owner, ports below 1024 for one who may not bind them."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import stat
from pathlib import Path

import pytest

from procession.stack.model import Listener
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, process
from tests.supervisor.test_listeners import SERVE, ask, free_port

NOBODY = pwd.getpwnam("nobody")
DAEMON = grp.getgrnam("daemon")
SERVE_UNHEARD = """
import os, socket
print(os.getuid(), flush=True)
listener = socket.socket(fileno=3)
while True:
    client, _ = listener.accept()
    client.sendall(str(os.getpid()).encode())
    client.close()
"""


@pytest.mark.root
@pytest.mark.parametrize(
    ("user", "group", "uid", "gid"),
    [
        ("nobody", "", NOBODY.pw_uid, NOBODY.pw_gid),
        ("nobody", "daemon", NOBODY.pw_uid, DAEMON.gr_gid),
        ("", "daemon", 0, DAEMON.gr_gid),
        ("4321", "", 4321, 4321),
    ],
)
def test_a_unix_socket_has_its_owner_and_mode(
    site: Site, stage: Stage, tmp_path: Path, user: str, group: str, uid: int, gid: int
) -> None:
    path, argv = str(tmp_path / "web.sock"), stage.program(SERVE)
    listener = Listener(f"unix:{path}", mode=0o640, user=user, group=group)
    site.up(process("web", argv, handoff=argv, listeners=(listener,)))
    assert ask(path) == stage.hear("ready").pid
    status = os.stat(path)
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (uid, gid, 0o640)


@pytest.mark.root
def test_an_owner_that_there_is_not_is_named(site: Site, tmp_path: Path) -> None:
    bind = f"unix:{tmp_path / 'web.sock'}"
    site.up(process("web", ("true",), handoff=("true",), listeners=(Listener(bind, user="nonesuch"),)))
    why = f'cannot listen on {bind}: there is no user "nonesuch"'
    assert site.await_phase("web.1", "backoff")["last_exit"] == why
    assert not (tmp_path / "web.sock").exists()


@pytest.mark.root
@pytest.mark.parametrize("bind", ["127.0.0.1:{}", "[::1]:{}"])
def test_a_port_below_1024_is_served_by_one_who_may_not_bind_it(site: Site, bind: str) -> None:
    host = bind.partition(":{}")[0].strip("[]")
    port = free_low_port(host)
    argv = ("python3", "-c", SERVE_UNHEARD)
    declared = process("web", argv, handoff=argv, listeners=(Listener(bind.format(port)),), user="nobody")
    site.up(declared)
    assert ask((host, port)) == site.instance("web.1")["pid"]
    until(lambda: site.log("web.1") == str(NOBODY.pw_uid))


def free_low_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(1023, 600, -1):
        with socket.socket(family) as tried:
            try:
                tried.bind((host, port))
            except OSError:
                continue
            return port
    pytest.skip("no port below 1024 is free")


def test_all_addresses_of_both_families_on_one_port(site: Site, stage: Stage) -> None:
    """Linux gives [::] the IPv4 addresses, too, unless it is told not to: then 0.0.0.0 could not be bound."""
    port, argv = free_port(), stage.program(SERVE)
    listeners = (Listener(f"0.0.0.0:{port}"), Listener(f"[::]:{port}"))
    assert site.up(process("web", argv, handoff=argv, listeners=listeners))["done"]
    pid = stage.hear("ready").pid
    assert [ask(("127.0.0.1", port)), ask(("::1", port))] == [pid, pid]


def test_all_addresses_of_ipv6_alone_take_ipv4_too(site: Site, stage: Stage) -> None:
    port, argv = free_port(), stage.program(SERVE)
    site.up(process("web", argv, handoff=argv, listeners=(Listener(f"[0:0::0]:{port}"),)))
    pid = stage.hear("ready").pid
    assert [ask(("127.0.0.1", port)), ask(("::1", port))] == [pid, pid]
