"""waitress with a graceful stop, on its own or on inherited sockets: its own command line, after ours.

`python -m procession.backends.programs.waitress --drain=30 [waitress's options] MODULE:APP`

By itself waitress (3.0) drops what is in flight on SIGTERM, gives it 5 s on SIGINT, and cannot be given an fd. Here
TERM and INT end it alike: no new connections, then every request that has begun is answered, within `--drain` seconds.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

from waitress import wasyncore
from waitress.runner import run
from waitress.server import create_server

FIRST_FD = 3  # sd_listen_fds(3)
BINDING = ("listen", "host", "port", "unix_socket", "unix_socket_perms")

Wsgi = Callable[..., object]
Dispatchers = dict[int, wasyncore.dispatcher]  # by fd: waitress's listening sockets, its connections and its trigger


def main(argv: list[str]) -> int:
    """Exit code: 1 for options that waitress does not take (by itself it says so and exits 0)."""
    drain_seconds = float(argv[0].removeprefix("--drain="))

    def serve(app: Wsgi, **settings: object) -> None:
        signal.signal(signal.SIGTERM, _leave)
        _serve(app, settings, drain_seconds)

    return int(run(["waitress", *argv[1:]], _serve=serve))


def _serve(app: Wsgi, settings: dict[str, object], drain_seconds: float) -> None:
    everything: Dispatchers = {}
    if sockets := _inherited():
        settings = {name: value for name, value in settings.items() if name not in BINDING}
        settings["sockets"] = sockets
    server = create_server(app, map=everything, **settings)
    server.print_listen("Serving on http://{}:{}")
    server.task_dispatcher.shutdown = lambda: _drain(everything, drain_seconds)  # Called by run() as it ends.
    server.run()


def _inherited() -> list[socket.socket]:
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    return [socket.socket(fileno=FIRST_FD + at) for at in range(int(os.environ.get("LISTEN_FDS", "0")))]


def _drain(everything: Dispatchers, seconds: float) -> None:
    """Go on with waitress's loop, without its listening sockets, until no connection has anything to do."""
    for listening in [one for one in everything.values() if getattr(one, "accepting", False)]:
        wasyncore.dispatcher.close(
            listening
        )  # Its own close() closes the trigger, too, by which threads wake the loop.
    deadline = time.monotonic() + seconds
    while _busy(everything) and (left := deadline - time.monotonic()) > 0:
        wasyncore.loop(timeout=left, map=everything, count=1)


def _busy(everything: Dispatchers) -> bool:
    """Is a request being read or answered, or an answer not sent to its end?"""
    return any(
        getattr(one, "requests", None) or getattr(one, "request", None) or getattr(one, "total_outbufs_len", 0)
        for one in everything.values()
    )


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
