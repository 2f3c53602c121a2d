"""daphne (https://github.com/django/daphne): ASGI, one process, on Twisted."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from importlib.util import find_spec

from procession.backends.address import Place
from procession.backends.argv import without
from procession.backends.base import Backend, Command, Profile
from procession.backends.option import Option, Takes
from procession.backends.web import Said, host_and_port, read, readiness
from procession.stack.model import Declaration, Listener, Probe, Site

HOST = Option(("--bind", "-b"))
PORT = Option(("--port", "-p"))
UNIX_SOCKET = Option(("--unix-socket", "-u"))
ENDPOINT = Option(("--endpoint", "-e"), Takes.REPEATED)
FD = Option(("--fd",))


def profile(command: Command) -> Profile:
    """It does not drain: TERM and INT drop what is in flight, at most 2 s later; until then it takes new connections.

    (daphne 4.2 has no graceful stop: Server.run stops the Twisted reactor.) A roll hides it only as far as requests
    are short. HUP kills it.
    """
    return Profile(stop=(("TERM", None),), stop_timeout_seconds=10.0, readiness=command.readiness or Probe())


def build(declaration: Declaration, site: Site, _stop_timeout_seconds: float) -> Command:
    said = read(declaration, site, site.asgi, options())
    where = _place(said)
    start = (site.python, "-m", "daphne", *said.app)
    inherited = without(said.flags, HOST, PORT, UNIX_SOCKET)
    return Command(
        argv=(*start, *said.flags),
        handoff=(*start, *inherited, "--fd=3") if _can_adopt(where.listeners) else (),
        listeners=where.listeners,
        environment=site.environment(),
        problems=said.problems + where.problems,
        readiness=readiness(site, where.listeners),
    )


@cache
def options() -> tuple[Option, ...]:
    """Asked in a process of its own: to import daphne is to install its Twisted reactor."""
    if not find_spec("daphne"):
        return ()
    asked = subprocess.run(
        [sys.executable, "-m", "procession.backends.programs.daphne_options"], capture_output=True, check=False
    )
    if asked.returncode:
        return ()
    return tuple(Option(tuple(names), Takes(takes)) for names, takes in json.loads(asked.stdout))


def _place(said: Said) -> Place:
    """Endpoints in Twisted's own language, and an fd of the person's, are daphne's affair."""
    if said.has(ENDPOINT, FD):
        return Place()
    return host_and_port(said, HOST, PORT, UNIX_SOCKET, variables="")


def _can_adopt(listeners: tuple[Listener, ...]) -> bool:
    """--fd takes an IPv4 socket alone: its endpoint is made for AF_INET."""
    return bool(listeners) and not listeners[0].bind.startswith(("unix:", "["))


BACKEND = Backend(
    name="daphne",
    title="daphne",
    requires="daphne",
    module="daphne",
    build=build,
    profile=profile,
    options=options,
)
