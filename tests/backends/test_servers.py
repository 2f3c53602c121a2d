"""Each web server for real: started by its argv and by handoff, asked, and stopped with a request in flight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from procession.backends.base import Command, Profile
from procession.backends.registry import find
from procession.stack.model import Declaration
from tests.backends.serving import (
    SITE,
    SlowRequest,
    errors,
    free_port,
    get,
    get_when_up,
    listen,
    running,
)

STOP_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class Server:
    """A way to run a server. `tcp` and `unix` are the ARGS that bind it, {port} and {path} in them."""

    backend: str
    tcp: Mapping[str, str]
    unix: Mapping[str, str]
    more: Mapping[str, object] = field(default_factory=dict)
    drains: bool = True  # a request in flight is answered when it is stopped: FACTS.md, section 2
    adopts_unix: bool = True

    @property
    def id(self) -> str:
        return "-".join([self.backend, *(f"{key}{value}" for key, value in self.more.items())])


BIND = {"bind": "127.0.0.1:{port}"}
BIND_UNIX = {"bind": "unix:{path}"}
HOST_PORT = {"host": "127.0.0.1", "port": "{port}"}
BIND_PORT = {"bind": "127.0.0.1", "port": "{port}"}
UDS = {"uds": "{path}"}

SERVERS = (
    Server("gunicorn", BIND, BIND_UNIX),
    Server("gunicorn", BIND, BIND_UNIX, {"threads": 2, "workers": 2}),
    Server("gunicorn-asgi", BIND, BIND_UNIX),
    Server("uvicorn", HOST_PORT, UDS),
    Server("uvicorn", HOST_PORT, UDS, {"workers": 2}),
    Server("uvicorn-wsgi", HOST_PORT, UDS),
    Server("granian-asgi", HOST_PORT, UDS),
    Server("granian-wsgi", HOST_PORT, UDS, {"blocking_threads": 2}),
    Server("hypercorn", BIND, BIND_UNIX),
    Server("hypercorn", BIND, BIND_UNIX, {"workers": 2}, drains=False),
    Server("daphne", BIND_PORT, {"unix-socket": "{path}"}, drains=False, adopts_unix=False),
    Server("waitress", {"listen": "127.0.0.1:{port}"}, {"unix-socket": "{path}"}),
    Server("cheroot", BIND, {"bind": "{path}"}),
)
every_server = pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.id)


def build(server: Server, args: Mapping[str, str], **places: object) -> tuple[Command, Profile]:
    backend = find(server.backend)
    assert backend is not None
    said = {name: value.format(**places) for name, value in args.items()}
    command = backend.build(Declaration(args={**said, **server.more}), SITE, STOP_TIMEOUT_SECONDS)
    assert errors(command) == []
    return command, backend.profile(command)


@every_server
def test_it_binds_by_itself_and_ends_well(server: Server, tmp_path: Path) -> None:
    port = free_port()
    command, profile = build(server, server.tcp, port=port)
    bind = f"127.0.0.1:{port}"
    assert [listener.bind for listener in command.listeners] == [bind]
    with running(command.argv, tmp_path) as web:
        assert get_when_up(web, bind) == (200, "hello")
        slow = SlowRequest(bind, tmp_path)
        slow.wait_until_arrived()
        web.signal(profile.stop[0][0])
        assert slow.status() == 200 or not server.drains, web.said()
        assert web.exit_status() in profile.success, web.said()


@every_server
def test_it_serves_a_listener_that_is_handed_over(server: Server, tmp_path: Path) -> None:
    listener = listen("127.0.0.1:0")
    port = listener.getsockname()[1]
    bind = f"127.0.0.1:{port}"
    command, profile = build(server, server.tcp, port=port)
    with listener, running(command.handoff, tmp_path, listeners=(listener,)) as web:
        assert get(bind) == (200, "hello"), web.said()
        slow = SlowRequest(bind, tmp_path)
        slow.wait_until_arrived()
        web.signal(profile.stop[0][0])
        assert slow.status() == 200 or not server.drains, web.said()
        assert web.exit_status() in profile.success, web.said()


@every_server
def test_it_binds_a_unix_socket_by_itself(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    command, profile = build(server, server.unix, path=path)
    assert [listener.bind for listener in command.listeners] == [f"unix:{path}"]
    with running(command.argv, tmp_path) as web:
        assert get_when_up(web, f"unix:{path}") == (200, "hello")
        web.signal(profile.stop[0][0])
        assert web.exit_status() in profile.success, web.said()


@every_server
def test_it_serves_a_unix_socket_that_is_handed_over(server: Server, tmp_path: Path) -> None:
    bind = f"unix:{tmp_path / 'web.sock'}"
    command, profile = build(server, server.unix, path=tmp_path / "web.sock")
    assert bool(command.handoff) is server.adopts_unix
    if not command.handoff:
        return
    with listen(bind) as listener, running(command.handoff, tmp_path, listeners=(listener,)) as web:
        assert get(bind) == (200, "hello"), web.said()
        web.signal(profile.stop[0][0])
        assert web.exit_status() in profile.success, web.said()
