"""What we say of ourselves to systemd, when it started us with Type=notify (sd_notify(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(said: Mapping[str, str]) -> None:
    """Send {"READY": "1", "STATUS": "..."} to the socket in NOTIFY_SOCKET. Nobody there: nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    message = "\n".join(f"{name}={value}" for name, value in said.items()).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as caller:
        try:
            caller.sendto(message, address)
        except OSError:
            pass  # it does not listen; our work does not depend on it
