"""cheroot (https://cheroot.cherrypy.dev): WSGI, one process with threads; the server of CherryPy."""

from __future__ import annotations

import os.path
from functools import cache

from procession.backends.address import Place, place
from procession.backends.argv import values
from procession.backends.base import Backend, Command, Profile
from procession.backends.option import Option
from procession.backends.tables import from_main
from procession.backends.web import Said, read, readiness, with_timeout
from procession.stack.model import Declaration, Probe, Site

BIND = Option(("--bind",))
BACKLOG = Option(("--request-queue-size",))
GRACEFUL = Option(("--shutdown-timeout",))


def profile(command: Command) -> Profile:
    """INT answers what is in flight, and cheroot then dies of it; TERM drops it, HUP kills."""
    return Profile(stop=(("INT", None), ("TERM", 2.0)), success=(0, -2), readiness=command.readiness or Probe())


def build(declaration: Declaration, site: Site, stop_timeout_seconds: float) -> Command:
    """The handoff is the same command: with LISTEN_PID set cheroot takes fd 3, and --bind is only what it calls itself.

    (Without --bind it says SERVER_PORT 8000, whatever the socket's is.)
    """
    said = read(declaration, site, site.wsgi, options())
    where = _place(said).with_backlog(said.value(BACKLOG))
    flags, asked = with_timeout(said, GRACEFUL, stop_timeout_seconds)
    argv = (site.python, "-m", "cheroot", *said.app, *flags)
    return Command(
        argv=argv,
        handoff=argv if where.listeners else (),
        listeners=where.listeners,
        environment=site.environment(),
        problems=said.problems + where.problems,
        stop_timeout_seconds=asked,
        readiness=readiness(site, where.listeners),
    )


@cache
def options() -> tuple[Option, ...]:
    try:
        from cheroot import cli
    except ImportError:
        return ()
    return from_main(cli, cli.main)


def _place(said: Said) -> Place:
    """cheroot writes a unix socket as a bare path; its socket's mode is 0777, whatever the umask."""
    bind = next(reversed(values(said.flags, BIND)), "[::1]:8000")
    if bind.startswith("@"):
        return Place()
    text = f"unix:{bind}" if os.path.sep in bind else bind
    return place((text,), directory=said.directory, where="args.bind", mode=0o777)


BACKEND = Backend(
    name="cheroot",
    title="cheroot",
    requires="cheroot",
    module="cheroot",
    build=build,
    profile=profile,
    options=options,
)
