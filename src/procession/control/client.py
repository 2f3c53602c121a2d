"""A client of the supervisor: connect to the socket in its stack directory, ask, hear what changes meanwhile."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Iterator

from procession.control import wire
from procession.control.wire import ELSEWHERE, SOCKET_NAME, STATE_NAME
from procession.refusal import ExitCode, Refusal
from procession.units import UNIX_PATH_BYTES_MAX

READ_BYTES = 65536
TICK_SECONDS = 1.0

TYPE_CHECKING = False  # as in typing, which `procession status` need not import
if TYPE_CHECKING:
    from typing import Protocol

    class Listener(Protocol):
        """Hears how a request comes along."""

        def changed(self, view: wire.Message) -> None:
            """An instance changed."""

        def ticked(self) -> None:
            """Nothing happened for TICK_SECONDS."""


class Answer:
    """The last line to one request. `data` is the verb's (see `wire`), `text` what a person should read."""

    __slots__ = ("code", "data", "done", "text")

    def __init__(self, message: wire.Message) -> None:
        self.done: bool = message["done"]
        self.code: int = ExitCode.DONE if self.done else message.get("code", ExitCode.NOT_SO)
        self.text: list[str] = list(message.get("text") or ())
        self.data: wire.Message = message.get("data") or {}


class Client:
    """One connection to the supervisor of a stack directory. Close it, or use it in a `with`."""

    def __init__(self, stack_directory: str) -> None:
        """Connect. Raises Refusal: nobody listens there (code 3), or the system does not let us (4)."""
        self.stack_directory = stack_directory
        self._socket = connect(stack_directory)
        self._lines = wire.Lines()
        self._read: list[wire.Message] = []
        self._id = 0

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def call(
        self,
        verb: str,
        fields: wire.Message | None = None,
        *,
        listener: Listener | None = None,
        timeout_seconds: float | None = None,
    ) -> Answer:
        """Ask, and wait for the answer; `listener` hears what changes until then.

        Raises Refusal: the supervisor went away (code 3), or did not answer in time (5). What was asked goes on then.
        """
        number = self.ask(verb, fields)
        try:
            for message in self.messages(
                tick_seconds=TICK_SECONDS if listener else None, timeout_seconds=timeout_seconds
            ):
                if message is None:
                    _tick(listener)
                elif "done" in message and message.get("id") in (number, None):  # None: it was not even read
                    return Answer(message)
                elif "change" in message and message.get("id") == number and listener:
                    listener.changed(message["change"])
        except TimeoutError as error:
            what = f"no answer to {verb!r} within {timeout_seconds:.0f} s: it goes on without us"
            raise Refusal(what, "see how far it is: procession status", code=ExitCode.TIMED_OUT) from error
        raise _gone(verb)

    def ask(self, verb: str, fields: wire.Message | None = None) -> int:
        """Send a request; gives its id, which its answers carry."""
        self._id += 1
        self._send(wire.encode({"v": wire.VERSION, "id": self._id, "verb": verb, **(fields or {})}))
        return self._id

    def messages(
        self, *, tick_seconds: float | None = None, timeout_seconds: float | None = None
    ) -> Iterator[wire.Message | None]:
        """What the supervisor says, until it closes the connection; None after each `tick_seconds` of silence.

        Raises TimeoutError after `timeout_seconds` in all.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            while self._read:
                yield self._read.pop(0)
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError
            wait = _shortest(tick_seconds, None if deadline is None else deadline - time.monotonic())
            if wait is not None and not _is_readable(self._socket, wait):
                yield None
            elif not self._receive():
                return

    def take(self) -> list[wire.Message]:
        """What the supervisor has said, without waiting for more. Raises EOFError when it has closed the connection."""
        if _is_readable(self._socket, 0.0) and not self._receive() and not self._read:
            raise EOFError
        taken, self._read = self._read, []
        return taken

    def wait_for_end(self, *, timeout_seconds: float) -> bool:
        """Wait until the supervisor's process has ended (after `down`): its lock and its socket are free then."""
        try:
            for _ in self.messages(timeout_seconds=timeout_seconds):
                pass
        except TimeoutError:
            return False
        return _wait_for_pid(peer_pid(self._socket), timeout_seconds)

    def _receive(self) -> bool:
        """Read what is there; False at the end of the connection."""
        try:
            data = self._socket.recv(READ_BYTES)
        except ConnectionError:
            return False
        self._read.extend(wire.decode(line) for line in self._lines.feed(data))
        return bool(data)

    def _send(self, line: bytes) -> None:
        try:
            self._socket.sendall(line)
        except (BrokenPipeError, ConnectionResetError):
            pass  # reading tells: it may have said why before it closed


def connect(stack_directory: str) -> socket.socket:
    """The connected control socket. Raises Refusal."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _connect(connection, stack_directory)
    except OSError as error:
        connection.close()
        raise _refusal(stack_directory, error) from error
    return connection


def was_cut_off(stack_directory: str) -> bool:
    """Where no supervisor answers: whether the last one was killed, so that what it ran may still run."""
    return os.path.exists(os.path.join(stack_directory, STATE_NAME))


def peer_pid(connection: socket.socket) -> int:
    """The process that listens on the other side, as the kernel says (SO_PEERCRED, unix(7))."""
    return int.from_bytes(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], "little", signed=True)


def _tick(listener: Listener | None) -> None:
    if listener:
        listener.ticked()


def _gone(verb: str) -> Refusal:
    return Refusal(
        f"the supervisor ended before it answered {verb!r}",
        "see why: procession events; start another: procession up -d",
        code=ExitCode.NO_SUPERVISOR,
    )


def _connect(connection: socket.socket, stack_directory: str) -> None:
    path = os.path.join(stack_directory, SOCKET_NAME)
    if len(os.fsencode(path)) <= UNIX_PATH_BYTES_MAX:
        connection.connect(path)
        return
    directory = os.open(stack_directory, os.O_PATH | os.O_DIRECTORY)
    try:
        connection.connect(f"/proc/self/fd/{directory}/{SOCKET_NAME}")
    finally:
        os.close(directory)


def _refusal(stack_directory: str, error: OSError) -> Refusal:
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return Refusal(
            f"no supervisor is running in {stack_directory}",
            "it did not end in order, so what it ran may run on; take it over: procession up -d"
            if was_cut_off(stack_directory)
            else "start it: procession up -d",
            code=ExitCode.NO_SUPERVISOR,
        )
    if isinstance(error, NotADirectoryError):
        return Refusal(f"the stack directory {stack_directory} is not a directory", ELSEWHERE)
    if isinstance(error, PermissionError):
        return Refusal(
            f"may not talk to the supervisor in {stack_directory}: {error.strerror}",
            "run this as the user who started it",
        )
    return Refusal(f"cannot connect to {os.path.join(stack_directory, SOCKET_NAME)}: {error.strerror or error}")


def _shortest(*waits: float | None) -> float | None:
    given = [max(0.0, wait) for wait in waits if wait is not None]
    return min(given) if given else None


def _is_readable(connection: socket.socket, wait_seconds: float) -> bool:
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(wait_seconds * 1000))


def _wait_for_pid(pid: int, timeout_seconds: float) -> bool:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        return bool(poll.poll(timeout_seconds * 1000))
    finally:
        os.close(pidfd)
