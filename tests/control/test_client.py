"""The client, against a server of a few lines that speaks the same protocol (and, in tests/console, the real one)."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from procession.control import wire
from procession.control.client import Answer, Client
from procession.control.wire import STATE_NAME
from procession.refusal import ExitCode, Refusal

Reply = Callable[[wire.Message], list[wire.Message]]


class Server:
    """Answers each request with what `reply` says; closes the connection where that is nothing."""

    def __init__(self, directory: Path, reply: Reply) -> None:
        directory.mkdir(parents=True)
        self._reply = reply
        self._listener = socket.socket(socket.AF_UNIX)
        folder = os.open(directory, os.O_PATH)
        self._listener.bind(f"/proc/self/fd/{folder}/control.sock")
        os.close(folder)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        lines = wire.Lines()
        while data := connection.recv(65536):
            for line in lines.feed(data):
                message = wire.decode(line)
                wire.check_request(message)
                replies = self._reply(message)
                if not replies:
                    return
                connection.sendall(b"".join(map(wire.encode, replies)))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Start a server; gives its stack directory."""
    servers = []

    def start(reply: Reply, directory: Path = tmp_path / "stack") -> Path:
        servers.append(Server(directory, reply))
        return directory

    yield start
    for server in servers:
        server.close()


class Heard:
    def __init__(self) -> None:
        self.changes: list[str] = []
        self.ticks = 0

    def changed(self, view: wire.Message) -> None:
        self.changes.append(f"{view['name']} {view['phase']}")

    def ticked(self) -> None:
        self.ticks += 1


def done(message: wire.Message) -> wire.Message:
    return {"id": message["id"], "done": True, "text": ["all well"], "data": {"asked": message["verb"]}}


def call(directory: Path, verb: str = "status") -> Answer:
    with Client(str(directory)) as client:
        return client.call(verb, timeout_seconds=10)


def test_an_answer(serve: Callable[..., Path]) -> None:
    answer = call(serve(lambda message: [done(message)]))
    assert (answer.done, answer.code, answer.text, answer.data) == (True, 0, ["all well"], {"asked": "status"})


def test_a_failure_has_its_code(serve: Callable[..., Path]) -> None:
    directory = serve(lambda message: [{"id": message["id"], "done": False, "code": 2, "text": ["no"]}])
    answer = call(directory, "start")
    assert (answer.done, answer.code, answer.text) == (False, 2, ["no"])


def test_changes_of_this_request_alone_are_heard(serve: Callable[..., Path]) -> None:
    def reply(message: wire.Message) -> list[wire.Message]:
        return [
            {"id": message["id"], "change": {"name": "web.1", "phase": "starting"}},
            {"id": 99, "change": {"name": "other.1", "phase": "ready"}},
            {"id": 99, "done": True},
            {"id": message["id"], "change": {"name": "web.1", "phase": "ready"}},
            done(message),
        ]

    heard = Heard()
    with Client(str(serve(reply))) as client:
        assert client.call("start", listener=heard).done
    assert heard.changes == ["web.1 starting", "web.1 ready"]


def test_two_requests_on_one_connection(serve: Callable[..., Path]) -> None:
    with Client(str(serve(lambda message: [done(message)]))) as client:
        assert client.call("status").data == {"asked": "status"}
        assert client.call("down").data == {"asked": "down"}


def test_being_turned_away_is_an_answer(serve: Callable[..., Path]) -> None:
    """A server that does not even read the request answers without an id."""
    directory = serve(lambda _: [{"id": None, "done": False, "code": 4, "text": ["not yours"]}])
    assert call(directory).text == ["not yours"]


def test_a_path_too_long_for_a_socket_is_reached_all_the_same(serve: Callable[..., Path], tmp_path: Path) -> None:
    directory = serve(lambda message: [done(message)], tmp_path / ("long" * 30))
    assert call(directory).done


def test_nobody_there(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(Refusal) as caught:
            Client(str(directory))
        assert caught.value.code is ExitCode.NO_SUPERVISOR
        assert caught.value.fix == "start it: procession up -d"


def test_a_socket_that_was_left_over(serve: Callable[..., Path], tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    (tmp_path / STATE_NAME).touch()
    with pytest.raises(Refusal) as caught:
        Client(str(tmp_path))
    assert caught.value.code is ExitCode.NO_SUPERVISOR
    assert "did not end in order" in caught.value.fix


def test_a_supervisor_that_ends_before_it_answers(serve: Callable[..., Path]) -> None:
    directory = serve(lambda _: [])
    with pytest.raises(Refusal, match="ended before it answered 'status'") as caught:
        call(directory)
    assert caught.value.code is ExitCode.NO_SUPERVISOR


def test_no_answer_in_time(serve: Callable[..., Path]) -> None:
    directory = serve(lambda _: [{"id": 99, "done": True}])
    with Client(str(directory)) as client, pytest.raises(Refusal, match="no answer to 'restart' within") as caught:
        client.call("restart", timeout_seconds=0.05)
    assert caught.value.code is ExitCode.TIMED_OUT


def test_take_does_not_wait_and_tells_the_end(serve: Callable[..., Path]) -> None:
    with Client(str(serve(lambda message: [done(message)] if message["verb"] == "watch" else []))) as client:
        assert client.take() == []
        client.ask("watch")
        assert next(client.messages()) == {"id": 1, "done": True, "text": ["all well"], "data": {"asked": "watch"}}
        client.ask("down")
        with pytest.raises(Refusal):
            client.call("status")
        with pytest.raises(EOFError):
            client.take()
