"""What we say of ourselves to systemd, when it started us with Type=notify (sd_notify(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from procession.loop import Loop

MICROSECONDS = 1_000_000


def begin_watchdog(loop: Loop) -> None:
    """Say WATCHDOG=1 from the loop, twice in the time that systemd gives us (sd_watchdog_enabled(3)), if it does."""
    micros, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if micros.isdecimal() and int(micros) and pid in ("", str(os.getpid())):
        _say_alive(loop, int(micros) / MICROSECONDS / 2)


def _say_alive(loop: Loop, interval_seconds: float) -> None:
    notify({"WATCHDOG": "1"})
    loop.call_after(interval_seconds, "watchdog", lambda: _say_alive(loop, interval_seconds))


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
