"""What a program that stands by says of it, in the words of sd_notify(3), to whoever started it.

To systemd a standby is a service that is up, and says in its status what it waits for. Procession has a phase for it.
"""

from __future__ import annotations

import os
import socket

OURS = "PROCESSION_NOTIFY"
SYSTEMD = "NOTIFY_SOCKET"


def say_standby(why: str) -> None:
    """It is well, and idle."""
    if OURS in os.environ:
        _send(os.environ[OURS], f"X_STANDBY=1\nSTATUS={why}")
    elif SYSTEMD in os.environ:
        _send(os.environ[SYSTEMD], f"READY=1\nSTATUS={why}")


def say_begins() -> None:
    """It has its turn; from here on its readiness is the program's own."""
    if OURS in os.environ:
        _send(os.environ[OURS], "X_STANDBY=0")
    elif SYSTEMD in os.environ:
        _send(os.environ[SYSTEMD], "READY=1\nSTATUS=holds the lease")


def _send(path: str, words: str) -> None:
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.setblocking(False)  # with a full queue the supervisor is stuck: that must not become ours
        try:
            sock.sendto(words.encode(), address)
        except OSError:
            pass  # what stands by says it again; what runs speaks for itself
