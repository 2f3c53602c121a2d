"""A way to a server that can be cut as a network is: nothing is refused, nothing comes back."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Way:
    """Passes bytes on in both directions, until it is cut."""

    def __init__(self, path: str, server: str) -> None:
        self.path = path
        self._server = server
        self._is_cut = threading.Event()
        self._open: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._is_cut.set()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for one in [self._listener, *self._open]:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
            except OSError:
                return
            self._open += [client, server]
            for here, there in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(here, there), daemon=True).start()

    def _pass_on(self, here: socket.socket, there: socket.socket) -> None:
        try:
            while data := here.recv(65536):
                if not self._is_cut.is_set():
                    there.sendall(data)
        except OSError:
            return


@contextmanager
def proxy(server: str) -> Iterator[Way]:
    with tempfile.TemporaryDirectory(prefix="way-") as directory:
        way = Way(f"{directory}/way.sock", server)
        try:
            yield way
        finally:
            way.close()
