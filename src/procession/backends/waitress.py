"""waitress (https://docs.pylonsproject.org/projects/waitress): WSGI, one process with threads, pure Python."""

from __future__ import annotations

from functools import cache

from procession.backends.address import Place, file_mode, place
from procession.backends.argv import values, without
from procession.backends.base import Backend, Command, Profile
from procession.backends.option import Option, Takes
from procession.backends.web import Said, host_and_port, read, readiness
from procession.stack.model import Declaration, Probe, Site

LISTEN = Option(("--listen",), Takes.REPEATED)
HOST = Option(("--host",))
PORT = Option(("--port",))
UNIX_SOCKET = Option(("--unix-socket",))
BACKLOG = Option(("--backlog",))
PERMISSIONS = Option(("--unix-socket-perms",))


def profile(command: Command) -> Profile:
    """By itself it drops requests on TERM; our program around it answers them first (see programs/waitress.py).

    A second TERM makes it leave at once, HUP kills it.
    """
    return Profile(stop=(("TERM", None), ("TERM", 2.0)), readiness=command.readiness or Probe())


def build(declaration: Declaration, site: Site, stop_timeout_seconds: float) -> Command:
    """The program takes inherited sockets by LISTEN_FDS: the handoff is the same command, less the binding."""
    said = read(declaration, site, site.wsgi, options())
    where = _place(said).with_backlog(said.value(BACKLOG))
    start = (site.python, "-m", "procession.backends.programs.waitress", f"--drain={stop_timeout_seconds:g}")
    inherited = without(said.flags, LISTEN, HOST, PORT, UNIX_SOCKET, PERMISSIONS)
    return Command(
        argv=(*start, *said.flags, *said.app),  # getopt: options come first
        handoff=(*start, *inherited, *said.app) if where.listeners else (),
        listeners=where.listeners,
        environment=site.environment(),
        problems=said.problems + where.problems,
        readiness=readiness(site, where.listeners),
    )


@cache
def options() -> tuple[Option, ...]:
    """waitress's Adjustments; its runner makes --x and --no-x of every boolean one."""
    try:
        from waitress.adjustments import Adjustments, asbool
    except ImportError:
        return ()
    runner = (Option(("--call",), Takes.NOTHING), Option(("--help",), Takes.NOTHING))
    return runner + tuple(_option(name.replace("_", "-"), cast is asbool) for name, cast in Adjustments._params)


def _option(name: str, is_flag: bool) -> Option:
    if is_flag:
        return Option((f"--{name}",), Takes.NOTHING, opposites=(f"--no-{name}",))
    return Option((f"--{name}",), Takes.REPEATED if name == "listen" else Takes.ONE)


def _place(said: Said) -> Place:
    mode = file_mode("0" + said.value(PERMISSIONS, "600"), 0o600)
    if said.has(UNIX_SOCKET):
        return host_and_port(said, HOST, PORT, UNIX_SOCKET, variables="", mode=mode)
    addresses = " ".join(values(said.flags, LISTEN)).split()  # "127.0.0.1:80 [::1]:80": one value may hold several
    if not addresses:
        addresses = [f"{said.value(HOST, '0.0.0.0')}:{said.value(PORT, '8080')}"]
    return place(addresses, directory=said.directory, where="args.listen", default_port=8080)


BACKEND = Backend(
    name="waitress",
    title="waitress",
    requires="waitress",
    module="waitress",
    build=build,
    profile=profile,
    options=options,
    aliases=(
        "django_prodserver.backends.waitress.WaitressServer",
        "django_prodserver.backends.servers.waitress.WaitressServer",
    ),
)
