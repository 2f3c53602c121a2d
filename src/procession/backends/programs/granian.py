"""granian on the socket that is fd 3, which drops no kept connection: its own command line, less the binding.

`python -m procession.backends.programs.granian [granian's options] MODULE:APP`

granian (2.8) has no option for an inherited fd; its server makes its socket in one method, which is replaced here.

On SIGTERM it closes the connections on which no request is under way. A client that just then sends its next one on a
kept connection gets no answer. So first, for DRAIN_SECONDS, each answer says that it is the connection's last
(`Connection: close`, RFC 9112, 9.6), and the client makes a new one, which is the successor's.
"""

from __future__ import annotations

import multiprocessing
import socket
import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any, Protocol

from granian import cli
from granian.constants import Interfaces
from granian.net import SocketHolder
from granian.server.mp import MPServer

FIRST_FD = 3  # sd_listen_fds(3)
DRAIN_SECONDS = 0.5
HTTP_1 = ("1", "1.0", "1.1")  # later versions have no such header, and tell their clients by themselves

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[..., Any]


class Flag(Protocol):
    """A number that the main process and its workers share."""

    value: int


class InheritingServer(MPServer):  # type: ignore[misc]
    """granian's server of worker processes. They share the one socket, as they do with granian's own unix sockets."""

    def _init_shared_socket(self) -> None:
        shared = socket.socket(fileno=FIRST_FD)
        shared.set_inheritable(True)
        self._ssp = None
        self._sso = shared
        self._shd = SocketHolder(FIRST_FD, shared.family == socket.AF_UNIX, self.backlog)
        self._sfd = FIRST_FD
        self._draining: Flag = multiprocessing.RawValue("b", 0)

    def _spawn_worker(self, idx: int, target: App, callback_loader: App) -> object:
        wrap = WRAPS.get(self.interface)
        loader = partial(_load, callback_loader, wrap, self._draining) if wrap else callback_loader
        return super()._spawn_worker(idx, target, loader)

    def shutdown(self, exit_code: int = 0) -> None:
        if self.interrupt_signal:
            self._draining.value = 1
            time.sleep(DRAIN_SECONDS)
        super().shutdown(exit_code)


def _load(load: Callable[[], App], wrap: Callable[[App, Flag], App], draining: Flag) -> App:
    """In a worker."""
    return wrap(load(), draining)


def _wrap_wsgi(app: App, draining: Flag) -> App:
    def closing(environ: dict[str, Any], start_response: App) -> object:
        version = str(environ.get("SERVER_PROTOCOL", "")).rpartition("/")[2]
        if not draining.value or version not in HTTP_1:
            return app(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> object:
            return start_response(status, [*headers, ("Connection", "close")], exc_info)

        return app(environ, start)

    return closing


def _wrap_asgi(app: App, draining: Flag) -> App:
    async def closing(scope: Message, receive: object, send: Send) -> None:
        async def say(message: Message) -> None:
            if draining.value and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        is_closable = scope["type"] == "http" and scope["http_version"] in HTTP_1
        await app(scope, receive, say if is_closable else send)

    return closing


WRAPS = {Interfaces.WSGI: _wrap_wsgi, Interfaces.ASGI: _wrap_asgi, Interfaces.ASGINL: _wrap_asgi}


if __name__ == "__main__":
    cli.Server = InheritingServer
    cli.entrypoint()
