"""The store in Redis, or what speaks its protocol (Valkey, KeyDB, Dragonfly): RESP2 over one socket.

Ours, not redis-py, because the process that holds a lease does nothing else: with redis-py (and asyncio, which it
imports) it weighs twice as much, and a host may run several. Three commands are all that is needed.
"""

from __future__ import annotations

import socket
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from procession.lease.store import StoreError

CALL_SECONDS = 2.0  # for each step: connect, send, receive
PORT = 6379
KEY = "procession:lease:"
LINE_BYTES_MAX = 65536
EXCHANGE = b"""
local now = redis.call('GET', KEYS[1])
if (now or '') ~= ARGV[1] then return now end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
"""


class Redis:
    """`url`: redis://[user][:password]@host:port/number, rediss:// for TLS, unix://[:password@]/path?db=number.

    Connects when it is first asked, and again after every trouble. Raises StoreError for a URL that is none.
    """

    def __init__(self, url: str) -> None:
        self._url = _parse(url)
        self._socket: socket.socket | None = None
        self._unread = b""

    def read(self, name: str) -> str | None:
        return self._ask(b"GET", _key(name))

    def exchange(self, name: str, old: str | None, new: str) -> str | None:
        return self._ask(b"EVAL", EXCHANGE, b"1", _key(name), (old or "").encode(), new.encode())

    def where(self) -> str:
        """The URL without who may use it."""
        if self._url.scheme == "unix":
            return f"unix:{self._url.path}"
        return f"{self._url.scheme}://{self._url.hostname or 'localhost'}:{self._url.port or PORT}"

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self, *words: bytes) -> str | None:
        try:
            if self._socket is None:
                self._connect()
            return self._call(*words)
        except (OSError, StoreError, ValueError) as error:
            self.close()
            reason = getattr(error, "strerror", None) or str(error)
            raise StoreError(f"cannot ask {self.where()}: {reason}") from error

    def _connect(self) -> None:
        self._unread = b""
        self._socket = _open(self._url)
        user, password = unquote(self._url.username or ""), unquote(self._url.password or "")
        if password:
            self._call(b"AUTH", *([user.encode()] if user else []), password.encode())
        if number := _database_number(self._url):
            self._call(b"SELECT", number.encode())

    def _call(self, *words: bytes) -> str | None:
        """One command and its answer. Raises OSError, StoreError (Redis refused), ValueError (no Redis)."""
        assert self._socket is not None, "the caller has connected"
        self._socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return None if rest == b"-1" else self._bulk(int(rest)).decode("utf-8", "replace")
        if kind in (b"+", b":"):
            return rest.decode()
        if kind == b"-":
            raise StoreError(rest.decode("utf-8", "replace"))
        raise ValueError(f"what answered does not speak Redis: {line[:40]!r}")

    def _line(self) -> bytes:
        while b"\r\n" not in self._unread:
            self._receive()
        line, _, self._unread = self._unread.partition(b"\r\n")
        return line

    def _bulk(self, size: int) -> bytes:
        while len(self._unread) < size + 2:
            self._receive()
        text, self._unread = self._unread[:size], self._unread[size + 2 :]
        return text

    def _receive(self) -> None:
        assert self._socket is not None, "the caller has connected"
        data = self._socket.recv(LINE_BYTES_MAX)
        if not data:
            raise ConnectionResetError(0, "it closed the connection")
        self._unread += data
        if len(self._unread) > LINE_BYTES_MAX:
            raise ValueError("its answer is too long")


def _parse(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # which it raises for, if it is none
    except ValueError as error:
        raise StoreError("the URL of the lease's Redis cannot be read: its port or its host is none") from error
    return parts


def _open(url: SplitResult) -> socket.socket:
    if url.scheme == "unix":
        return _open_unix(unquote(url.path))
    host = url.hostname or "localhost"
    connected = socket.create_connection((host, url.port or PORT), CALL_SECONDS)
    if url.scheme != "rediss":
        return connected
    import ssl  # 3 MB, for those who need it

    return ssl.create_default_context().wrap_socket(connected, server_hostname=host)


def _open_unix(path: str) -> socket.socket:
    connected = socket.socket(socket.AF_UNIX)
    connected.settimeout(CALL_SECONDS)
    try:
        connected.connect(path)
    except OSError:
        connected.close()
        raise
    return connected


def _database_number(url: SplitResult) -> str:
    return parse_qs(url.query).get("db", [url.path.strip("/") if url.scheme != "unix" else ""])[0]


def _key(name: str) -> bytes:
    return (KEY + name).encode()
