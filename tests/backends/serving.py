"""Running web servers for real: start a Command as the supervisor or a shell would, ask it over HTTP, stop it."""

from __future__ import annotations

import http.client
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from procession.backends.base import Command
from procession.stack.model import Site

T = TypeVar("T")
SITE_DIRECTORY = Path(__file__).parents[1] / "site"
SITE = Site(
    directory=str(SITE_DIRECTORY),
    python=sys.executable,
    settings_module="mysite.settings",
    wsgi="mysite.wsgi:application",
    asgi="mysite.asgi:application",
)
WITHIN_SECONDS = 40.0  # only ever fails a test
DROPPED = 0  # in place of a status: the server closed the connection without an answer

TAKE_OVER = """
import os, sys
for at in range(int(os.environ["LISTEN_FDS"])):
    os.dup2(int(sys.argv[1 + at]), 3 + at)
os.environ["LISTEN_PID"] = str(os.getpid())
argv = sys.argv[1 + int(os.environ["LISTEN_FDS"]):]
os.execvp(argv[0], argv)
"""
"""What the supervisor does between fork and exec, as a program: listeners to fds 3, 4, ..., and LISTEN_PID."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs: `process` is the server itself, its pid is the one to signal."""

    process: subprocess.Popen[bytes]
    output: Path

    def signal(self, name: str) -> None:
        self.process.send_signal(signal.Signals[f"SIG{name}"])

    def exit_status(self) -> int:
        """Its exit code, or minus the signal that killed it."""
        return self.process.wait(WITHIN_SECONDS)

    def said(self) -> str:
        return self.output.read_text(errors="replace")


@contextmanager
def running(
    argv: tuple[str, ...],
    tmp_path: Path,
    *,
    listeners: tuple[socket.socket, ...] = (),
    environment: dict[str, str] | None = None,
    directory: Path = SITE_DIRECTORY,
) -> Iterator[Running]:
    """Start argv, with sockets handed over if there are any; whatever is left of its process group is killed after."""
    output = tmp_path / "output"
    handover = (sys.executable, "-S", "-c", TAKE_OVER, *(str(each.fileno()) for each in listeners))
    fds = {"LISTEN_FDS": str(len(listeners))} if listeners else {}
    with output.open("ab") as out:
        process = subprocess.Popen(
            (*handover, *argv) if listeners else argv,
            cwd=directory,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "HOME": str(tmp_path), **fds, **(environment or {})},
            pass_fds=[each.fileno() for each in listeners],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield Running(process, output)
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def listen(bind: str) -> socket.socket:
    """A listening socket, as the supervisor makes it."""
    if path := unix_path(bind):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
    else:
        host, _, port = bind.rpartition(":")
        listener = socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), int(port)))
    listener.listen(128)
    return listener


def free_port(host: str = "127.0.0.1") -> int:
    """A port that was free a moment ago, for the servers that bind by themselves."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def get(bind: str, path: str = "/") -> tuple[int, str]:
    """GET over TCP or a unix socket: status and body; (DROPPED, "") if the server hung up."""
    connection = http.client.HTTPConnection("127.0.0.1", timeout=WITHIN_SECONDS)
    connection.sock = _connect(bind)
    try:
        connection.request("GET", path, headers={"Host": "site.test", "Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (http.client.HTTPException, ConnectionError):
        return DROPPED, ""
    finally:
        connection.close()


def get_when_up(server: Running, bind: str, path: str = "/") -> tuple[int, str]:
    """GET as soon as the server listens."""

    def answered() -> tuple[int, str] | None:
        if server.process.poll() is not None:
            raise AssertionError(f"it ended with {server.process.returncode}:\n{server.said()}")
        try:
            return get(bind, path)
        except OSError:
            return None

    return wait_for(answered)


def wait_for(ask: Callable[[], T | None]) -> T:
    """The first answer that is not None."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < deadline:
        if (answer := ask()) is not None:
            return answer
        select.select([], [], [], 0.02)
    raise AssertionError("it did not come about in time")


class SlowRequest:
    """A request that the site works on for a second: it is known when it has arrived in the view."""

    def __init__(self, bind: str, tmp_path: Path, *, seconds: float = 1.0) -> None:
        fifo = tmp_path / "arrived"
        os.mkfifo(fifo)
        self._fifo = os.open(fifo, os.O_RDWR)
        self._answer: Future[tuple[int, str]] = Future()
        path = "/slow/?" + urlencode({"say": fifo, "seconds": seconds})
        self._client = threading.Thread(target=lambda: self._answer.set_result(get(bind, path)), daemon=True)
        self._client.start()

    def wait_until_arrived(self) -> None:
        readable, _, _ = select.select([self._fifo], [], [], WITHIN_SECONDS)
        assert readable, "the request did not arrive"
        os.close(self._fifo)

    def status(self) -> int:
        return self._answer.result(WITHIN_SECONDS)[0]


def unix_path(bind: str) -> str:
    return bind.removeprefix("unix:") if bind.startswith("unix:") else ""


def errors(command: Command) -> list[str]:
    return [f"{problem.id} {problem.where}" for problem in command.problems if problem.is_error]


def _connect(bind: str) -> socket.socket:
    if path := unix_path(bind):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(WITHIN_SECONDS)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            raise
        return connection
    host, _, port = bind.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=WITHIN_SECONDS)
