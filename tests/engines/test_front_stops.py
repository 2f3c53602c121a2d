"""The server in front, in its container, is told to end: who has asked something gets an answer."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from procession.engines.containers.fronting import STOP_SIGNALS
from procession.engines.containers.options import Server
from procession.engines.front import Fronted, caddyfile, nginx
from procession.engines.fronts.engine import program
from tests.backends.serving import free_port
from tests.console.project import DEADLINE_SECONDS, await_true
from tests.engines.test_fronts import CADDY_MAIN, NGINX_MAIN

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"


def argv(server: Server, front: Fronted, folder: Path) -> list[str]:
    main, own = folder / "main.conf", folder / "own.conf"
    own.write_text(nginx(front) if server is Server.NGINX else caddyfile(front))
    main.write_text((NGINX_MAIN if server is Server.NGINX else CADDY_MAIN).format(own))
    if server is Server.NGINX:
        return [program("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(main)]
    return [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(main)]


@contextmanager
def running(server: Server, front: Fronted, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    homes = dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
    with subprocess.Popen(argv(server, front, folder), env={**os.environ, **homes}) as child:
        try:
            await_true(lambda: connects(front.port), f"{server} listens")
            yield child
        finally:
            child.kill()


def connects(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.root
@pytest.mark.parametrize("server", [Server.NGINX, Server.CADDY])
def test_a_request_in_hand_ends_before_the_server_does(server: Server, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as site:
        site.settimeout(DEADLINE_SECONDS)
        upstream = f"127.0.0.1:{site.getsockname()[1]}"
        front = Fronted(name="mysite", upstreams=(upstream,), addresses=("127.0.0.1",), port=free_port())
        with running(server, front, tmp_path) as child, socket.create_connection(("127.0.0.1", front.port)) as asking:
            asking.settimeout(DEADLINE_SECONDS)
            asking.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            with site.accept()[0] as asked:
                child.send_signal(signal.Signals[f"SIG{STOP_SIGNALS[server]}"])
                await_true(lambda: not connects(front.port), "it takes no more connections")
                assert child.poll() is None
                asked.sendall(ANSWER)
            with asking.makefile("rb") as answer:
                assert answer.readline().split()[1] == b"200"
            assert child.wait(DEADLINE_SECONDS) == 0
