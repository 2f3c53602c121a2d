"""Serving until somebody ends us: nobody wakes for nothing, and no signal is lost.

`serve_forever` looks twice a second whether it shall end. Without that, a signal that comes between two requests, when
Python has looked for signals and poll(2) has not begun, would wait for the next request.
"""

from __future__ import annotations

import os
import signal
from socketserver import BaseServer
from threading import Thread

LOOK_SECONDS = 86_400.0


def serve_until(server: BaseServer, *signals: signal.Signals) -> None:
    """Serve, in a thread, until one of these comes. For a main thread that has nothing else to do afterwards."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for number in signals:
        signal.signal(number, _hear)
    signal.set_wakeup_fd(writing)  # Python's own handler in C writes to it, whatever we are about to do
    Thread(target=server.serve_forever, args=(LOOK_SECONDS,), daemon=True).start()
    os.read(reading, 1)


def _hear(_number: int, _frame: object) -> None:
    """The byte in the pipe says it."""
