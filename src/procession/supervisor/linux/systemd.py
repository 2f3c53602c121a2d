"""What we say of ourselves to systemd, when it started us with Type=notify (sd_notify(3)); and what it keeps for us.

It keeps our listeners (FDSTORE=1, FileDescriptorStoreMax=), each by the name of its address. So a port stays open over
our death even where no instance lives that has it; the next one of us gets it back with LISTEN_FDS.
"""

from __future__ import annotations

import os
import socket
from array import array
from binascii import crc32
from collections.abc import Mapping, Sequence

from procession.loop import Loop

MICROSECONDS = 1_000_000
KEPT = "procession-listener-"


def begin_watchdog(loop: Loop) -> None:
    """Say WATCHDOG=1 from the loop, twice in the time that systemd gives us (sd_watchdog_enabled(3)), if it does."""
    micros, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if micros.isdecimal() and int(micros) and pid in ("", str(os.getpid())):
        _say_alive(loop, int(micros) / MICROSECONDS / 2)


def _say_alive(loop: Loop, interval_seconds: float) -> None:
    notify({"WATCHDOG": "1"})
    loop.call_after(interval_seconds, "watchdog", lambda: _say_alive(loop, interval_seconds))


def keep(listener: socket.socket) -> None:
    """Have it kept; one that is kept already, by the same address, is so once."""
    notify({"FDSTORE": "1", "FDNAME": _name(listener)}, [listener.fileno()])


def release(listener: socket.socket) -> None:
    """We are about to close it for all."""
    notify({"FDSTOREREMOVE": "1", "FDNAME": _name(listener)})


def is_kept(name: str) -> bool:
    """Whether an fd of that name in LISTEN_FDNAMES is ours; else it is a socket unit's."""
    return name.startswith(KEPT)


def _name(listener: socket.socket) -> str:
    """No address itself: of a unix socket it may be longer than a name, or hold a colon (sd_notify(3), FDNAME=)."""
    return f"{KEPT}{crc32(repr(listener.getsockname()).encode()):08x}"


def notify(said: Mapping[str, str], fds: Sequence[int] = ()) -> None:
    """Send {"READY": "1", "STATUS": "..."} to the socket in NOTIFY_SOCKET. Nobody there: nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    message = "\n".join(f"{name}={value}" for name, value in said.items()).encode()
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))] if fds else []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as caller:
        try:
            caller.sendmsg([message], rights, 0, address)
        except OSError:
            pass  # it does not listen; our work does not depend on it
