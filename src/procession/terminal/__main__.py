"""Starts the holder of one instance's terminal, whose master side is our stdin:
`python -I -S .../procession/terminal/__main__.py --directory STACKDIR --instance web.1 --life 7`.

Exit codes: 0 the program is gone, 2 wrong usage; any other, and the supervisor starts the next one.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":  # with -I nothing but the standard library is on the path
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

import _socket

from procession.terminal.holder import CLIENTS_MAX, Holder

OPTIONS = ("--directory", "--instance", "--life")
USAGE = "usage: terminal --directory STACKDIR --instance NAME --life NUMBER"
MASTER = 0


def main(arguments: list[str]) -> int:
    """Hold the terminal until the program is gone; the exit code. Raises OSError where that cannot begin."""
    if tuple(arguments[::2]) != OPTIONS or len(arguments) != 2 * len(OPTIONS):
        print(f"terminal: {USAGE}", file=sys.stderr)
        return 2
    directory, instance, life = arguments[1::2]
    os.set_blocking(MASTER, False)  # also for the instance, which has the same file open, and does not use it
    fifo = os.open(os.path.join(directory, "fifo", instance), os.O_RDWR | os.O_NONBLOCK)
    os.chdir(os.path.join(directory, "terminal"))  # so that the address is short: a unix socket's has 107 bytes
    name = f"{instance}.{life}"
    listener = listen(name)
    try:
        Holder(MASTER, fifo, listener).run()
    finally:
        remove(name)
    return 0


def listen(name: str) -> _socket.socket:
    """The socket to attach to, in the working directory; one that a killed holder left is replaced. Raises OSError."""
    remove(name)
    os.umask(0o177)
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    listener.bind(name)
    listener.listen(CLIENTS_MAX)
    listener.setblocking(False)
    return listener


def remove(name: str) -> None:
    try:
        os.unlink(name)
    except FileNotFoundError:
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
