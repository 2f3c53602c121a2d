"""The control socket: takes requests of our own user and of root, and brings them the answers.

A request that takes its time is an operation with a number; the core answers it when its goal is reached. A client that
goes away cancels nothing.
"""

from __future__ import annotations

import os
import socket
from time import monotonic
from typing import NamedTuple, Protocol

from procession.control import wire
from procession.loop import Loop
from procession.refusal import ExitCode
from procession.supervisor.core.actions import Reply
from procession.supervisor.core.events import Command
from procession.supervisor.linux.connection import Connection
from procession.supervisor.linux.requests import BadRequest, to_command, to_program, to_who
from procession.supervisor.linux.rundir import remove
from procession.supervisor.linux.successor import TRY_AGAIN

CONNECTIONS_MAX = 128
BACKLOG = 128
NO_FD_SECONDS = 0.5
FAREWELL_SECONDS = 1.0  # for all clients together
SHORT_FAREWELL_SECONDS = 0.1  # the same, where somebody waits for who comes after us


class Site(Protocol):
    """What the server asks the supervisor for."""

    def tell(self, event: Command) -> None: ...
    def succeed(self, program: list[str]) -> str: ...
    def status(self) -> dict[str, object]: ...
    def change(self, name: str) -> dict[str, object]: ...


class Asked(NamedTuple):
    """Who is to hear of an operation, and under which id of its own."""

    connection: Connection
    id: object


class Server:
    __slots__ = (
        "_connections", "_is_leaving", "_loop", "_next", "_operations", "_path", "_site", "_socket", "_watchers"
    )  # fmt: skip

    def __init__(self, path: str, loop: Loop, site: Site, inherited: int = -1) -> None:
        """Listen on `path`, which is ours alone: what is there was left behind. Or go on with an inherited listener.

        Raises OSError.
        """
        self._path = path
        self._loop = loop
        self._site = site
        self._connections: set[Connection] = set()
        self._operations: dict[int, Asked] = {}
        self._watchers: list[Asked] = []
        self._next = 1
        self._is_leaving = False  # for a successor
        self._socket = _listen(path) if inherited < 0 else _take_over(inherited)
        loop.watch(self._socket.fileno(), self._accept)

    def close(self) -> None:
        """Let every client take what it was sent, and go. Its file goes first: who connects now finds nobody there."""
        remove(self._path)
        self._loop.cancel(self)
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        deadline = monotonic() + FAREWELL_SECONDS
        for connection in list(self._connections):
            connection.say_farewell(deadline)

    def fileno(self) -> int:
        """The listener's."""
        return self._socket.fileno()

    def say_farewell(self) -> None:
        """A successor takes over: who waits hears it, who connects from now on waits for it. Back again if it fails."""
        for asked in self._operations.values():
            asked.connection.send(_answer(asked.id, False, (TRY_AGAIN,), ExitCode.NOT_SO))
        deadline = monotonic() + SHORT_FAREWELL_SECONDS
        for connection in list(self._connections):
            connection.say_farewell(deadline)
        self._is_leaving = False

    def new_operation(self) -> int:
        """A number that no other operation has had."""
        self._next += 1
        return self._next

    def reply(self, reply: Reply) -> None:
        """Answer whoever asked for this operation, if it is still there."""
        asked = self._operations.pop(reply.operation, None)
        if asked is not None:
            asked.connection.send(_answer(asked.id, reply.done, reply.text, reply.code))

    def changed(self, name: str) -> None:
        """Tell everybody who has an operation under way, or watches."""
        listeners = {*self._operations.values(), *self._watchers}
        if listeners:
            change = self._site.change(name)
            for asked in listeners:
                asked.connection.send({"id": asked.id, "change": change})

    def _accept(self) -> None:
        try:
            client, _ = self._socket.accept()
        except BlockingIOError:
            return  # it has gone again
        except OSError:  # no fd left: it waits in the backlog, and asking again at once would keep us from all else
            self._loop.forget(self._socket.fileno())
            self._loop.call_after(NO_FD_SECONDS, self, lambda: self._loop.watch(self._socket.fileno(), self._accept))
            return
        connection = Connection(client, self._loop, on_line=self._take, on_gone=self._forget)
        self._connections.add(connection)
        if connection.uid not in (0, os.geteuid()):
            self._turn_away(connection, f"you are uid {connection.uid}; only uid {os.geteuid()} and root are obeyed")
        elif len(self._connections) > CONNECTIONS_MAX:
            self._turn_away(connection, f"{CONNECTIONS_MAX} clients are connected already; try again later")

    def _turn_away(self, connection: Connection, why: str) -> None:
        connection.send(_answer(None, False, (why,), ExitCode.REFUSED))
        connection.close()

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._operations = {n: asked for n, asked in self._operations.items() if asked.connection is not connection}
        self._watchers = [asked for asked in self._watchers if asked.connection is not connection]

    def _take(self, connection: Connection, line: bytes) -> None:
        number: object = None
        try:
            message = wire.decode(line)
            number = message.get("id")
            wire.check_request(message)
            self._obey(Asked(connection, _checked_id(number)), message)
        except (wire.WireError, BadRequest) as error:
            connection.send(_answer(number, False, (str(error),), ExitCode.USAGE))

    def _obey(self, asked: Asked, message: wire.Message) -> None:
        if message["verb"] == "upgrade":
            self._upgrade(asked, message)
        elif self._is_leaving:
            asked.connection.send(_answer(asked.id, False, (TRY_AGAIN,), ExitCode.NOT_SO))
        elif message["verb"] == "status":
            asked.connection.send({**_answer(asked.id, True), "data": self._site.status()})
        elif message["verb"] == "watch":
            self._watchers.append(asked)
        else:
            self._command(asked, message)

    def _upgrade(self, asked: Asked, message: wire.Message) -> None:
        """The answer says that it begins: it is the successor that can be asked how it ended."""
        program = to_program(message)
        refused = TRY_AGAIN if self._is_leaving else self._site.succeed(program)
        self._is_leaving = self._is_leaving or not refused
        text, code = ((refused,), ExitCode.NOT_SO) if refused else ((), ExitCode.DONE)
        asked.connection.send(_answer(asked.id, not refused, text, code))

    def _command(self, asked: Asked, message: wire.Message) -> None:
        waits = message.get("wait") is not False
        operation = self.new_operation() if waits else 0
        command = to_command(message, operation, to_who(message, _who(asked.connection.uid)))
        if waits:
            self._operations[operation] = asked
        else:
            asked.connection.send(_answer(asked.id, True))
        self._site.tell(command)


def _listen(path: str) -> socket.socket:
    """Only our own user gets past the directory's mode and the socket's (unix(7)); `uid` is looked at all the same."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    umask = os.umask(0o177)
    try:
        remove(path)
        listener.bind(path)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(umask)
    return listener


def _take_over(fd: int) -> socket.socket:
    listener = socket.socket(fileno=fd)
    listener.setblocking(False)
    return listener


def _checked_id(value: object) -> object:
    if isinstance(value, int | str):
        return value
    raise BadRequest(f"id: expected a number or a text, got {value!r}")


def _answer(number: object, done: bool, text: tuple[str, ...] = (), code: int = 0) -> dict[str, object]:
    return {"id": number, "done": done, "code": code, "text": list(text)}


def _who(uid: int) -> str:
    """`uid 0 (root)`, for the history. Read from /etc/passwd alone: the user database may ask the network."""
    try:
        with open("/etc/passwd", encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, number, *_ = line.split(":", 3)
                if number == str(uid):
                    return f"uid {uid} ({name})"
    except (OSError, ValueError):
        pass
    return f"uid {uid}"
