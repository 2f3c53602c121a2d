"""Holds a bound socket, its fd 0, for an engine that cannot give it to programs of their own: `hold.py PATH NUMBER`.

Number 0 hands it to whoever connects to the unix socket PATH, with one byte that means nothing; who may enter the
directory of PATH may have it. Any other number only keeps it open, for the time that number 0 dies.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import NoReturn

HELD_FD = 0
BACKLOG = 128
KEEP = ("sleep", "infinity")  # a tenth of the memory of an interpreter that waits


def main(path: str, number: str) -> NoReturn:
    if number != "0":
        os.execvp(KEEP[0], KEEP)
    os.chdir(os.path.dirname(path) or ".")  # a socket's path is short (unix(7))
    name = os.path.basename(path)
    if os.path.lexists(name):
        os.unlink(name)
    os.umask(0o177)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as giver:
        giver.bind(name)
        giver.listen(BACKLOG)
        try:
            while True:
                give(giver)
        finally:
            os.unlink(name)


def give(giver: socket.socket) -> None:
    """To the next who asks. That one went away meanwhile: nothing happens."""
    connection, _ = giver.accept()
    with connection:
        try:
            socket.send_fds(connection, [b"1"], [HELD_FD])
        except OSError as error:
            print(f"cannot hand the listener over: {error}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
