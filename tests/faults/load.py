"""Load: clients that ask a port again and again, each time on a new connection; and a server that is asked."""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType

SERVE = """
import socket, threading
listener = socket.socket(fileno=3)
def serve():
    while True:
        client, _ = listener.accept()
        try:
            client.recv(4096)
            client.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nhello")
        finally:
            client.close()
def count():
    \"\"\"10,000 lines a second, numbered.\"\"\"
    number, began = 0, time.monotonic()
    while True:
        lines = b"".join(b"line %09d\\n" % n for n in range(number, number + 100))
        while lines:
            lines = lines[os.write(1, lines):]
        number += 100
        time.sleep(max(0.0, began + number / 10_000 - time.monotonic()))
threading.Thread(target=serve, daemon=True).start()
say("ready")
count()
"""


class Load:
    """Clients at work between `with` and its end. `failed` holds what went wrong, `count` how often it went well."""

    def __init__(self, port: int, clients: int = 4) -> None:
        self.failed: list[str] = []
        self.count = 0
        self._port = port
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on) for _ in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def go_on(self, requests: int = 200) -> None:
        """Wait until so many more have been answered, or one has failed."""
        until = self.count + requests
        deadline = time.monotonic() + 20
        while self.count < until and not self.failed:
            assert time.monotonic() < deadline, "nobody answers"
            time.sleep(0.005)

    def _ask_on(self) -> None:
        while not self._is_over.is_set():
            try:
                self._ask()
                self.count += 1
            except OSError as error:
                self.failed.append(repr(error))

    def _ask(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port), timeout=20) as caller:
            caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: caller.recv(4096), b""))
        if not answer.endswith(b"hello"):
            raise OSError(f"an answer cut short: {answer!r}")
