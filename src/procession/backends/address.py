"""Where a web server listens: the ways that ARGS write it, read into the one way of a Listener."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from procession.errors import Problem
from procession.stack.model import Listener

UNIX = re.compile(r"unix:(//)?")
PORT_MAX = 65535


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens, as far as ARGS say it.

    No listeners, no problems: it cannot be known, or nobody can bind it for the server (fd://4, an abstract
    socket). Then the server binds by itself.
    """

    listeners: tuple[Listener, ...] = ()
    problems: tuple[Problem, ...] = ()

    def with_backlog(self, text: str) -> Place:
        """The same with the backlog that ARGS ask for; "" is none."""
        if not text.isdecimal():
            return self
        return replace(self, listeners=tuple(replace(each, backlog=int(text)) for each in self.listeners))


def place(binds: Iterable[str], *, directory: str, where: str, default_port: int = 8000, mode: int = 0o666) -> Place:
    """The listeners of these binds: host:port, host, :port, [v6]:port, tcp://host:port, unix:/path.

    A relative path starts in `directory`. E046 for a port that is none, at `where` ("args.bind").
    """
    listeners: list[Listener] = []
    for text in binds:
        try:
            bind = _bind(text, directory, default_port)
        except ValueError:
            return Place(problems=(bad_address(where, text),))
        if not bind:
            return Place()
        listeners.append(listener(bind, mode))
    return Place(tuple(listeners))


def listener(bind: str, mode: int) -> Listener:
    """A Listener; the mode is a unix socket's alone."""
    return Listener(bind, mode=mode) if bind.startswith("unix:") else Listener(bind)


def bad_address(where: str, text: str) -> Problem:
    return Problem("E046", where, f"is no address: {text!r}", fix='write "127.0.0.1:8000" or "unix:/run/web.sock"')


def tcp(host: str, port: str | int) -> str:
    """A Listener's bind; no host and "*" are every address. Raises ValueError if the port is no port."""
    if not 0 <= int(port) <= PORT_MAX:
        raise ValueError(port)
    host = host.strip("[]")
    return f"[{host}]:{int(port)}" if ":" in host else f"{host if host not in ('', '*') else '0.0.0.0'}:{int(port)}"


def unix(path: str, directory: str) -> str:
    """A Listener's bind for a socket's path; "" for an abstract one (@name), which no file permission guards."""
    return "" if path.startswith(("@", "\0")) else "unix:" + os.path.abspath(os.path.join(directory, path))


def file_mode(text: str, default: int) -> int:
    """A mode or mask as servers read it: octal with a 0 in front, else decimal; `default` if it is neither."""
    try:
        return int(text, 8) if text[:1] == "0" and text.isdecimal() else int(text, 0)
    except ValueError:
        return default


def _bind(text: str, directory: str, default_port: int) -> str:
    if text.startswith("fd://"):
        return ""
    if found := UNIX.match(text):
        return unix(text[found.end() :], directory)
    host, port = _host_and_port(text.removeprefix("tcp://"))
    return tcp(host, port or default_port)


def _host_and_port(text: str) -> tuple[str, str]:
    """ "[::1]:80" and "host:80" are a pair, "[::1]" and "host" have no port, and so has a bare v6 address."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    if text.count(":") > 1:
        return text, ""
    host, _, port = text.partition(":")
    return host, port
