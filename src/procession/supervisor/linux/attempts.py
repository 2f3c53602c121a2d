"""One attempt of a probe over the network, step by step in the loop: connect, and for http send, then read a status.

Nothing here blocks; the caller gives the whole attempt its time, and ends it with `end`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from errno import EINPROGRESS

from procession.loop import READABLE, WRITABLE, Loop
from procession.stack.model import Probe, ProbeType
from procession.supervisor.linux.addresses import Address

ANYWHERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "*": "127.0.0.1", "[::]": "[::1]"}
HEAD_BYTES_MAX = 4096  # the status line is in the first of them, or it is no HTTP

Judge = Callable[[bool, str], object]  # is told whether it went well, and what happened, for a person


class Call:
    """Connects to `address`; tells `judge` once, unless it is ended before."""

    __slots__ = ("_address", "_head", "_judge", "_loop", "_probe", "_socket", "_to_send", "where")

    def __init__(self, loop: Loop, probe: Probe, address: Address, where: str, judge: Judge) -> None:
        self._loop = loop
        self._probe = probe
        self._address = address
        self._judge = judge
        self._head = b""
        self._to_send = b""
        self._socket = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.where = describe(probe, where)
        if probe.type is ProbeType.HTTP:
            self._to_send = request(probe, where)

    @property
    def is_over(self) -> bool:
        """It has no child that could outlive it."""
        return True

    def begin(self) -> None:
        """May judge at once."""
        try:
            error = self._socket.connect_ex(self._address.place)
        except (OSError, ValueError) as refused:  # by Python, before it asks the system: a path that is too long
            self._finish(False, f"{self.where}: {refused}")
            return
        if error not in (0, EINPROGRESS):
            self._finish(False, f"{self.where}: {os.strerror(error).lower()}")
        else:
            self._loop.watch(self._socket.fileno(), self._connected, WRITABLE)

    def end(self) -> None:
        """Give up; the judge is not told."""
        if self._socket.fileno() >= 0:
            self._loop.forget(self._socket.fileno())
            self._socket.close()

    def _connected(self) -> None:
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._finish(False, f"{self.where}: {os.strerror(error).lower()}")
        elif self._probe.type is ProbeType.TCP:
            self._finish(True, f"{self.where}: connected")
        else:
            self._loop.change(self._socket.fileno(), self._send, WRITABLE)

    def _send(self) -> None:
        try:
            self._to_send = self._to_send[self._socket.send(self._to_send) :]
        except BlockingIOError:
            return
        except OSError as error:
            self._finish(False, f"{self.where}: {_words(error)}")
            return
        if not self._to_send:
            self._loop.change(self._socket.fileno(), self._read, READABLE)

    def _read(self) -> None:
        try:
            data = self._socket.recv(HEAD_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError as error:
            self._finish(False, f"{self.where}: {_words(error)}")
            return
        self._head += data
        if b"\n" in self._head or not data or len(self._head) >= HEAD_BYTES_MAX:
            self._finish(*judge_head(self._head, self._probe))

    def _finish(self, ok: bool, detail: str) -> None:
        self.end()
        self._judge(ok, detail)


def describe(probe: Probe, where: str) -> str:
    """What is asked, for a person."""
    return f"GET {probe.path}" if probe.type is ProbeType.HTTP else f"tcp {where}"


def request(probe: Probe, where: str) -> bytes:
    """The GET of an http probe (RFC 9112); `where` is the Host header's value if the probe does not say one."""
    host = probe.host or ("localhost" if where.startswith("unix:") else _host_of(where))
    secure = "X-Forwarded-Proto: https\r\n" if probe.https else ""
    head = f"GET {probe.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: procession\r\nAccept: */*\r\n{secure}"
    return f"{head}Connection: close\r\n\r\n".encode()


def _host_of(where: str) -> str:
    """What listens everywhere is asked on loopback, and called so: no site's ALLOWED_HOSTS has 0.0.0.0."""
    host, _, port = where.rpartition(":")
    return f"{ANYWHERE.get(host, host)}:{port}"


def judge_head(head: bytes, probe: Probe) -> tuple[bool, str]:
    """Whether the answer that begins so is a good one, and what it was."""
    fields = head.split(b"\n", 1)[0].split()
    if not head:
        return False, f"GET {probe.path}: closed without an answer"
    if len(fields) < 2 or not fields[0].startswith(b"HTTP/") or not fields[1].isdigit():
        return False, f"GET {probe.path}: what answered does not speak HTTP: {head[:40]!r}"
    status = int(fields[1])
    ok = status in probe.status if probe.status else status < probe.status_below
    return ok, f"GET {probe.path} gave {status}"


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
