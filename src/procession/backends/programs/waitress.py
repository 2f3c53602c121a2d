"""waitress with a graceful stop, on its own or on inherited sockets: its own command line, after ours.

`python -m procession.backends.programs.waitress --drain=30 [waitress's options] MODULE:APP`

By itself waitress (3.0) drops what is in flight on SIGTERM, gives it 5 s on SIGINT, and cannot be given an fd. Here
TERM and INT end it alike: no new connections, then every request that has begun is answered, within `--drain` seconds,
and the first one of a connection that was accepted before.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from math import inf
from types import FrameType

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.runner import run
from waitress.server import create_server
from waitress.trigger import trigger

FIRST_FD = 3  # sd_listen_fds(3)
FIRST_REQUEST_SECONDS = 2.0  # within which one who has connected asks for something
BINDING = ("listen", "host", "port", "unix_socket", "unix_socket_perms")

Wsgi = Callable[..., object]
Dispatchers = dict[int, wasyncore.dispatcher]  # by fd: waitress's listening sockets, its connections and its trigger


def main(argv: list[str]) -> int:
    """Exit code: 1 for options that waitress does not take (by itself it says so and exits 0)."""
    drain_seconds = float(argv[0].removeprefix("--drain="))

    def serve(app: Wsgi, **settings: object) -> None:
        _serve(app, settings, drain_seconds)

    return int(run(["waitress", *argv[1:]], _serve=serve))


def _serve(app: Wsgi, settings: dict[str, object], drain_seconds: float) -> None:
    everything: Dispatchers = {}
    if sockets := _inherited():
        settings = {name: value for name, value in settings.items() if name not in BINDING}
        settings["sockets"] = sockets
    server = create_server(app, map=everything, **settings)
    server.print_listen("Serving on http://{}:{}")
    _turn_until_asked_to_end(everything, server.adj)
    _drain(everything, drain_seconds)


def _turn_until_asked_to_end(everything: Dispatchers, settings: Adjustments) -> None:
    """By itself waitress is left in the middle of whatever it does: a connection just accepted would be lost."""
    asked: list[int] = []
    wake = next(one for one in everything.values() if isinstance(one, trigger))

    def end(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        wake.pull_trigger()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    while not asked:
        wasyncore.loop(settings.asyncore_loop_timeout, settings.asyncore_use_poll, everything, count=1)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)


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
    began = time.monotonic()
    while _busy(everything, time.monotonic() - began) and (left := began + seconds - time.monotonic()) > 0:
        wasyncore.loop(timeout=min(left, FIRST_REQUEST_SECONDS), map=everything, count=1)


def _busy(everything: Dispatchers, seconds: float) -> bool:
    """Is a request being read or answered, or an answer not sent to its end? `seconds` ago it was asked to end."""
    return any(
        getattr(one, "requests", None)
        or getattr(one, "request", None)
        or getattr(one, "total_outbufs_len", 0)
        or (seconds < FIRST_REQUEST_SECONDS and _has_asked_nothing(one))
        for one in everything.values()
    )


def _has_asked_nothing(one: wasyncore.dispatcher) -> bool:
    """Only a connection has these times, which are the same until it has sent something."""
    return getattr(one, "creation_time", inf) == getattr(one, "last_activity", -inf)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
