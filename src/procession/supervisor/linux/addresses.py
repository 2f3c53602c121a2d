"""An address as people write it ("127.0.0.1:8000", "[::1]:8000", "unix:/path"), as the socket module wants it."""

from __future__ import annotations

import socket
from typing import NamedTuple

UNIX = "unix:"
PORT_MAX = 65535


class Address(NamedTuple):
    family: socket.AddressFamily
    place: str | tuple[str, int]

    @property
    def path(self) -> str:
        """Of a unix socket; "" for another."""
        return self.place if isinstance(self.place, str) else ""


def parse_address(text: str) -> Address:
    """Raises ValueError for what is no address. A host name is looked up, which may take its time."""
    return parse_literal(text) or look_up(text)


def parse_literal(text: str) -> Address | None:
    """None: its host is a name that must be looked up. Raises ValueError for what is no address."""
    if text.startswith(UNIX):
        return Address(socket.AF_UNIX, text.removeprefix(UNIX))
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        raise ValueError(f"{text}: not an address; write host:port or unix:/path")
    if len(port) > len(str(PORT_MAX)) or int(port) > PORT_MAX:
        raise ValueError(f"{text}: there is no port {port}; the highest is {PORT_MAX}")
    return _literal(host.strip("[]"), int(port))


def look_up(text: str) -> Address:
    """An address whose host is a name. Blocks for as long as the name servers do. Raises ValueError."""
    host, _, port = text.rpartition(":")
    try:
        name = host.encode("ascii")  # as text it would go through a codec that has to be imported
        family, *_, place = socket.getaddrinfo(name, int(port), type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{text}: cannot look up {host}: {getattr(error, 'strerror', None) or error}") from error
    return Address(family, (str(place[0]), int(port)))


def reachable(address: Address) -> Address:
    """Where to connect to: 0.0.0.0 and :: are all addresses of this machine, and cannot themselves be connected to."""
    if isinstance(address.place, str):
        return address
    host, port = address.place
    return Address(address.family, ({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port))


def _literal(host: str, port: int) -> Address | None:
    if host in ("", "*"):
        return Address(socket.AF_INET, ("0.0.0.0", port))
    if host == "localhost":
        return Address(socket.AF_INET, ("127.0.0.1", port))
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            packed = socket.inet_pton(family, host)
        except OSError:
            continue
        return Address(family, (socket.inet_ntop(family, packed), port))  # [0:0::1] as getsockname() will say it
    return None
