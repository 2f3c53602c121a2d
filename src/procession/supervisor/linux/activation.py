"""Listeners that whoever started us has passed on, as systemd does for a socket unit (sd_listen_fds(3)).

They are lent: systemd listens on them before we come and after we go. So ours is only a duplicate, and neither is it
closed for all, nor is a unix socket's file removed. What systemd has kept for the supervisor before us (see `systemd`)
comes by the same way, and is ours.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, MutableMapping, Sequence

from procession.supervisor.linux.addresses import Address
from procession.supervisor.linux.systemd import is_kept

FIRST_FD = 3  # SD_LISTEN_FDS_START
VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
IPV6_ANY, IPV4_ANY = "::", "0.0.0.0"


class Passed:
    """The sockets that were passed on; `names` are theirs in LISTEN_FDNAMES."""

    __slots__ = ("_is_sorted", "_sockets")

    def __init__(self, sockets: Iterable[tuple[socket.socket, str]] = (), *, is_sorted: bool = False) -> None:
        self._sockets = list(sockets)
        self._is_sorted = is_sorted

    def take_kept(self) -> list[int]:
        """The fds of those that the supervisor before us had systemd keep. They are no longer here."""
        kept = [(found, name) for found, name in self._sockets if is_kept(name)]
        self._sockets = [one for one in self._sockets if one not in kept]
        return [found.detach() for found, _ in kept]

    def fds(self) -> list[int]:
        return [found.fileno() for found, _ in self._sockets]

    def find(self, address: Address) -> socket.socket | None:
        """A duplicate of the one that listens there; None: there is none.

        One on all addresses of IPv6 that takes IPv4, too, as systemd makes it of a bare port, stands for 0.0.0.0.
        """
        for found, _ in self._sockets:
            if listens_on(found, address):
                return found.dup()
        return None

    def is_lent(self, path: str) -> bool:
        """Whether the unix socket of that path is another's, so that its file is not ours to remove."""
        return any(found.family is socket.AF_UNIX and found.getsockname() == path for found, _ in self._sockets)

    def close_others(self, wanted: Iterable[Address]) -> tuple[list[str], list[str]]:
        """Close those that stand for none of these. Which were kept, and which closed: "127.0.0.1:80 (web.socket)".

        Once: what was kept stays, so that a process that is declared no more, and then again, finds its listener.
        """
        if self._is_sorted:
            return [], []
        self._is_sorted = True
        addresses = list(wanted)
        kept = [one for one in self._sockets if any(listens_on(one[0], address) for address in addresses)]
        others = [one for one in self._sockets if one not in kept]
        closed = [_described(*one) for one in others]
        for found, _ in others:
            found.close()
        self._sockets = kept
        return [_described(*one) for one in kept], closed


def passed_on(environment: MutableMapping[str, str], lent: Sequence[int] = ()) -> Passed:
    """What this process was passed; or the fds `lent`, which the supervisor before us in this process was.

    The variables are taken out: they are about us alone, and now they are used up.
    """
    pid, count, names = (environment.pop(name, "") for name in VARIABLES)
    if lent:
        return Passed(_sockets(lent, ()), is_sorted=True)
    if pid != str(os.getpid()) or not count.isdecimal():
        return Passed()
    named = names.split(":") if names else []
    return Passed(_sockets(range(FIRST_FD, FIRST_FD + int(count)), named))


def _sockets(fds: Sequence[int], names: Sequence[str]) -> Iterable[tuple[socket.socket, str]]:
    for fd, name in zip(fds, [*names, *[""] * len(fds)], strict=False):
        try:
            os.set_inheritable(fd, False)
            yield socket.socket(fileno=fd), name
        except OSError:
            continue  # a FIFO, or a fd that is not there


def listens_on(found: socket.socket, address: Address) -> bool:
    """Whether that socket is a listener whose connections are those of the address."""
    try:
        is_listener = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        name = found.getsockname()
    except OSError:
        return False
    own = name if isinstance(name, str) else tuple(name[:2])
    if not is_listener or found.type is not socket.SOCK_STREAM:
        return False
    return bool(found.family is address.family and own == address.place) or _is_both(found, own, address)


def _is_both(found: socket.socket, own: object, address: Address) -> bool:
    """[::]:80 for 0.0.0.0:80, unless it is for IPv6 alone (ipv6(7))."""
    if found.family is not socket.AF_INET6 or found.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        return False
    return isinstance(address.place, tuple) and address.place[0] == IPV4_ANY and own == (IPV6_ANY, address.place[1])


def _described(found: socket.socket, name: str) -> str:
    try:
        own = found.getsockname()
    except OSError:
        own = ""
    shown = f"unix:{own}" if isinstance(own, str) else f"[{own[0]}]:{own[1]}" if ":" in own[0] else f"{own[0]}:{own[1]}"
    return f"{shown} ({name})" if name else shown
