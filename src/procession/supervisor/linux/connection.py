"""One client of the control socket: what it sends, cut into lines, and what it has not taken yet. Never blocks."""

from __future__ import annotations

import socket
from collections.abc import Callable
from time import monotonic

from procession.control import wire
from procession.loop import READABLE, WRITABLE, Loop
from procession.refusal import ExitCode
from procession.supervisor.linux.kernel import CREDENTIALS

READ_BYTES = 64 << 10
UNSENT_BYTES_MAX = 8 << 20  # that a client may leave unread, on top of one whole answer


class Connection:
    """`on_line(connection, line)` hears each request; `on_gone(connection)` that the client is there no more."""

    __slots__ = ("_is_writing", "_lines", "_loop", "_on_gone", "_on_line", "_socket", "_unsent", "uid")

    def __init__(
        self,
        client: socket.socket,
        loop: Loop,
        *,
        on_line: Callable[[Connection, bytes], object],
        on_gone: Callable[[Connection], object],
    ) -> None:
        self._socket = client
        self._loop = loop
        self._on_line = on_line
        self._on_gone = on_gone
        self._lines = wire.Lines()
        self._unsent = bytearray()
        self._is_writing = False
        self.uid = peer_uid(client)
        client.setblocking(False)
        loop.watch(client.fileno(), self._ready, READABLE)

    def send(self, message: wire.Message) -> None:
        """Send, now or when the client takes it."""
        if self._socket.fileno() < 0:
            return
        if len(self._unsent) > UNSENT_BYTES_MAX:
            self.close()
            return
        self._unsent += wire.encode(message)
        if not self._is_writing:
            self._flush()

    def close(self) -> None:
        """Cut it off."""
        if self._socket.fileno() >= 0:
            self._loop.forget(self._socket.fileno())
            self._socket.close()
            self._on_gone(self)

    def say_farewell(self, deadline: float) -> None:
        """We end: give the client until then (monotonic seconds) to take the rest, then close."""
        if self._socket.fileno() >= 0:
            self._socket.settimeout(max(0.0, deadline - monotonic()))
            try:
                self._socket.sendall(self._unsent)
            except OSError:
                pass  # it does not want it
            self.close()

    def _ready(self) -> None:
        if self._is_writing:
            self._flush()
        self._receive()

    def _receive(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES) if self._socket.fileno() >= 0 else b""
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            lines = self._lines.feed(data)
        except wire.WireError as error:
            self.send({"id": None, "done": False, "code": ExitCode.USAGE, "text": [str(error)]})
            self.close()
            return
        for line in lines:
            self._on_line(self, line)

    def _flush(self) -> None:
        try:
            del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        if bool(self._unsent) is not self._is_writing:
            self._is_writing = bool(self._unsent)
            self._loop.change(self._socket.fileno(), self._ready, READABLE | (WRITABLE if self._is_writing else 0))


def peer_uid(client: socket.socket) -> int:
    """The user on the other side, as the kernel saw it at the connect (SO_PEERCRED, unix(7))."""
    credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    uid: int = CREDENTIALS.unpack(credentials)[1]
    return uid
