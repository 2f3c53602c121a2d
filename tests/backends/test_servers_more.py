"""Web servers for real, beyond one address: several, IPv6, reload, and the ARGS that people copy from documentation."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import pytest

from procession.backends.base import Command
from procession.backends.registry import find
from procession.stack.model import Declaration
from tests.backends.serving import SITE, Running, errors, free_port, get, get_when_up, listen, running, wait_for

OLD = "django_prodserver.backends."


def build(name: str, args: Mapping[str, object] | tuple[str, ...]) -> Command:
    backend = find(name)
    assert backend is not None
    command = backend.build(Declaration(args=args), SITE, 20.0)
    assert errors(command) == []
    return command


@pytest.mark.parametrize(
    ("name", "option"), [("gunicorn", "bind"), ("gunicorn-asgi", "bind"), ("hypercorn", "bind"), ("waitress", "listen")]
)
def test_several_listeners_are_handed_over_at_once(name: str, option: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        listeners = tuple(stack.enter_context(listen("127.0.0.1:0")) for _ in range(3))
        binds = [f"127.0.0.1:{each.getsockname()[1]}" for each in listeners]
        command = build(name, {option: binds})
        assert [listener.bind for listener in command.listeners] == binds
        stack.enter_context(running(command.handoff, tmp_path, listeners=listeners))
        assert [get(bind) for bind in binds] == [(200, "hello")] * 3


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("gunicorn", {"bind": "[::1]:{}"}),
        ("uvicorn", {"host": "::1", "port": "{}"}),
        ("granian-wsgi", {"host": "::1", "port": "{}"}),
        ("hypercorn", {"bind": "[::1]:{}"}),
        ("daphne", {"bind": "::1", "port": "{}"}),
        ("waitress", {"listen": "[::1]:{}"}),
        ("cheroot", {"bind": "[::1]:{}"}),
    ],
)
def test_ipv6_by_itself_and_by_handoff(name: str, args: dict[str, str], tmp_path: Path) -> None:
    port = free_port("::1")
    command = build(name, {key: value.format(port) for key, value in args.items()})
    assert [listener.bind for listener in command.listeners] == [f"[::1]:{port}"]
    with running(command.argv, tmp_path) as web:
        assert get_when_up(web, f"[::1]:{port}") == (200, "hello")
    if command.handoff:
        with listen("[::1]:0") as listener, running(command.handoff, tmp_path, listeners=(listener,)) as web:
            assert get(f"[::1]:{listener.getsockname()[1]}") == (200, "hello"), web.said()


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("gunicorn", {"bind": "127.0.0.1:{}"}),
        ("uvicorn", {"port": "{}"}),
        ("uvicorn", {"port": "{}", "workers": 2}),
        ("granian-wsgi", {"port": "{}"}),
        ("hypercorn", {"bind": "127.0.0.1:{}"}),
        ("daphne", {"port": "{}"}),
        ("waitress", {"listen": "127.0.0.1:{}"}),
        ("cheroot", {"bind": "127.0.0.1:{}"}),
    ],
)
def test_the_site_sees_the_client_and_the_port_through_a_handoff(
    name: str, args: dict[str, object], tmp_path: Path
) -> None:
    with listen("127.0.0.1:0") as listener:
        port = listener.getsockname()[1]
        with running(build(name, at_port(args, port)).handoff, tmp_path, listeners=(listener,)) as web:
            status, body = get(f"127.0.0.1:{port}", "/about/")
            assert status == 200, web.said()
            about = json.loads(body)
            assert (about["remote"], about["port"], about["scheme"]) == ("127.0.0.1", str(port), "http")


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("gunicorn", {"bind": "127.0.0.1:{}", "workers": 2}),
        ("gunicorn-asgi", {"bind": "127.0.0.1:{}"}),
        ("uvicorn", {"port": "{}", "workers": 2}),
        ("granian-wsgi", {"port": "{}", "workers": 2}),
        ("granian-asgi", {"port": "{}"}),
    ],
)
def test_reload_brings_new_workers_under_the_same_pid(name: str, args: dict[str, object], tmp_path: Path) -> None:
    with listen("127.0.0.1:0") as listener:
        port = listener.getsockname()[1]
        bind = f"127.0.0.1:{port}"
        said = {
            key: value.format(listener.getsockname()[1]) if isinstance(value, str) else value
            for key, value in args.items()
        }
        command = build(name, said)
        with running(command.handoff, tmp_path, listeners=(listener,)) as web:
            assert worker(bind) in children(web)
            before = children(web)
            web.signal("HUP")
            wait_for(lambda: len(children(web) - before) == args.get("workers", 1) or None)
            wait_for(lambda: worker(bind) not in before or None)
            assert web.process.poll() is None


def at_port(args: Mapping[str, object], port: int) -> dict[str, object]:
    return {key: value.format(port) if isinstance(value, str) else value for key, value in args.items()}


def children(web: Running) -> set[int]:
    pid = web.process.pid
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def worker(bind: str) -> int:
    status, body = get(bind, "/about/")
    assert status == 200
    return int(json.loads(body)["pid"])


class TestArgsOfTheDocumentation:
    """ARGS that django-prodserver's documentation shows and that never worked there (FACTS.md, 1.2 and 1.5)."""

    @pytest.fixture
    def port(self) -> int:
        return free_port()

    def serve(self, name: str, args: Mapping[str, object] | tuple[str, ...], port: int, tmp_path: Path) -> Running:
        """The server, after it has answered one request and has been stopped."""
        with running(build(name, args).argv, tmp_path) as web:
            assert get_when_up(web, f"127.0.0.1:{port}") == (200, "hello")
            web.signal("TERM")
            web.exit_status()
        return web

    def test_gunicorns_settings_by_their_names(self, port: int, tmp_path: Path) -> None:
        access, error = tmp_path / "access.log", tmp_path / "error.log"
        args = {
            "bind": f"127.0.0.1:{port}",
            "workers": "2",
            "timeout": "60",
            "accesslog": str(access),
            "errorlog": str(error),
            "loglevel": "debug",
            "keepalive": "5",
            "preload": True,
            "max_requests": 1000,
        }
        self.serve(OLD + "gunicorn.GunicornServer", args, port, tmp_path)
        assert '"GET / HTTP/1.1" 200' in access.read_text()
        debugged = error.read_text()
        for setting in ("keepalive: 5", "timeout: 60", "workers: 2", "preload_app: True", "max_requests: 1000"):
            assert setting in debugged

    def test_a_string_is_the_command_line(self, port: int, tmp_path: Path) -> None:
        args = ("--bind", f"127.0.0.1:{port}", "--workers", "2")
        web = self.serve(OLD + "servers.gunicorn.GunicornServer", args, port, tmp_path)
        assert web.said().count("Booting worker") == 2

    def test_uvicorns_flags_as_words(self, port: int, tmp_path: Path) -> None:
        args = {
            "host": "127.0.0.1",
            "port": port,
            "no-access-log": "True",
            "proxy-headers": "True",
            "timeout_keep_alive": 5,
        }
        web = self.serve(OLD + "uvicorn.UvicornServer", args, port, tmp_path)
        assert "GET /" not in web.said()

    def test_uvicorns_access_log_off(self, port: int, tmp_path: Path) -> None:
        web = self.serve(
            "uvicorn", {"port": port, "access_log": False, "ws_per_message_deflate": False}, port, tmp_path
        )
        assert "GET /" not in web.said()

    def test_waitress_booleans(self, port: int, tmp_path: Path) -> None:
        args = {"host": "127.0.0.1", "port": str(port), "threads": "2", "expose-tracebacks": "False"}
        self.serve(OLD + "waitress.WaitressServer", args, port, tmp_path)

    def test_granians_old_names(self, port: int, tmp_path: Path) -> None:
        args = {
            "address": "127.0.0.1",
            "port": str(port),
            "workers": "1",
            "blocking-threads": "2",
            "log-access": "True",
            "websockets": "False",
        }
        with running(build(OLD + "granian.GranianASGIServer", args).argv, tmp_path) as web:
            assert get_when_up(web, f"127.0.0.1:{port}") == (200, "hello")
            wait_for(lambda: '"GET / HTTP/1.1" 200' in web.said() or None)  # It logs some time after it has answered.


@pytest.mark.parametrize("name", ["granian-wsgi", "granian-asgi"])
def test_granian_leaves_to_its_successor_who_comes_while_it_drains(name: str, tmp_path: Path) -> None:
    with listen("127.0.0.1:0") as listener:
        host, port = listener.getsockname()
        command = build(name, {"port": str(port)})
        with running(command.handoff, tmp_path, listeners=(listener,)) as web:
            kept = HTTPConnection(host, port, timeout=60)
            ask(kept)
            web.signal("TERM")
            wait_for(lambda: ask(kept) == "close" or None)
            with socket.create_connection((host, port)) as late:
                assert web.exit_status() == 0
                late.sendall(b"who are you?")
                with listener.accept()[0] as taken:
                    assert taken.recv(100) == b"who are you?"


def ask(connection: HTTPConnection) -> str:
    """What the server is going to do with the connection."""
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.read() == b"hello"
    return (answer.getheader("connection") or "").lower()


def test_waitress_answers_who_had_connected_and_not_yet_asked(tmp_path: Path) -> None:
    port = free_port()
    command = build("waitress", {"listen": f"127.0.0.1:{port}"})
    with running(command.argv, tmp_path) as web:
        get_when_up(web, f"127.0.0.1:{port}")
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert get(f"127.0.0.1:{port}") == (200, "hello")  # who came after it is answered: it was accepted
            web.signal("TERM")
            wait_for(lambda: accepts_nobody(port))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.makefile("rb").read().endswith(b"hello")
        assert web.exit_status() == 0


def accepts_nobody(port: int) -> bool | None:
    """None: it does."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionError:
        return True
    return None


def test_waitress_says_by_its_exit_code_that_it_was_not_understood(tmp_path: Path) -> None:
    """By itself it prints its help and exits 0, which a supervisor takes for a good end."""
    command = build("waitress", {})
    with running((*command.argv[:-1], "--no-such-option", command.argv[-1]), tmp_path) as web:
        assert web.exit_status() == 1
        assert "no-such-option" in web.said()


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("gunicorn", {"bind": "unix:{}"}),
        ("gunicorn-asgi", {"bind": "unix:{}"}),
        ("uvicorn", {"uds": "{}"}),
        ("granian-wsgi", {"uds": "{}"}),
        ("hypercorn", {"bind": "unix:{}"}),
        ("waitress", {"unix-socket": "{}"}),
        ("cheroot", {"bind": "{}"}),
    ],
)
def test_a_listener_is_left_to_its_owner(name: str, args: dict[str, str], tmp_path: Path) -> None:
    """A successor on the same listener serves once the first one has gone: nothing was shut or unlinked."""
    path = tmp_path / "web.sock"
    command = build(name, {key: value.format(path) for key, value in args.items()})
    backend = find(name)
    assert backend is not None
    with listen(f"unix:{path}") as listener:
        for _ in range(2):
            with running(command.handoff, tmp_path, listeners=(listener,)) as web:
                assert get(f"unix:{path}") == (200, "hello")
                web.signal(backend.profile(command).stop[0][0])
                web.exit_status()
            assert path.is_socket()
