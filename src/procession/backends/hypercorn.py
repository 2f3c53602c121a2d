"""hypercorn (https://hypercorn.readthedocs.io): ASGI and WSGI, HTTP/2 and HTTP/3."""

from __future__ import annotations

from functools import cache

from procession.backends.address import Place
from procession.backends.argv import without
from procession.backends.base import Backend, Command, Profile
from procession.backends.option import Option, Takes
from procession.backends.tables import from_main
from procession.backends.web import Said, binds, not_in_background, read, readiness, with_timeout
from procession.errors import Problem
from procession.stack.model import Declaration, Probe, Site

BIND = Option(("--bind", "-b"), Takes.REPEATED)
INSECURE_BIND = Option(("--insecure-bind",), Takes.REPEATED)
CONFIG = Option(("--config", "-c"))
WORKERS = Option(("--workers", "-w"))
BACKLOG = Option(("--backlog",))
GRACEFUL = Option(("--graceful-timeout",))
DAEMON = Option(("--daemon", "-D"), Takes.NOTHING)
TLS = (Option(("--certfile",)), Option(("--keyfile",)))


def profile(command: Command) -> Profile:
    """One worker answers what is in flight after TERM; several drop it within half a second, on TERM and INT alike.

    (hypercorn.run terminates its worker processes at once.) So replicas with one worker each are better than workers.
    HUP with several workers stops all of them before it starts new ones, and one worker dies of it: no reload.
    """
    return Profile(stop=(("TERM", None), ("TERM", 2.0)), readiness=command.readiness or Probe())


def build(declaration: Declaration, site: Site, stop_timeout_seconds: float) -> Command:
    said = read(declaration, site, site.asgi, options())
    where = _place(said).with_backlog(said.value(BACKLOG))
    flags, asked = with_timeout(said, GRACEFUL, stop_timeout_seconds)
    start = (site.python, "-m", "hypercorn", *said.app)
    inherited = tuple(f"--bind=fd://{3 + at}" for at in range(len(where.listeners)))
    return Command(
        argv=(*start, *flags),
        handoff=(*start, *without(flags, BIND), *inherited) if inherited else (),
        listeners=where.listeners,
        environment=site.environment(),
        problems=said.problems + where.problems + not_in_background(said, DAEMON) + _drops(said),
        stop_timeout_seconds=asked,
        readiness=readiness(site, where.listeners, has_tls=said.has(*TLS)),
        workers=said.number(WORKERS),
    )


@cache
def options() -> tuple[Option, ...]:
    try:
        from hypercorn import __main__ as command_line
    except ImportError:
        return ()
    return from_main(command_line, command_line.main)


def _place(said: Said) -> Place:
    """A configuration file may bind as well, and --insecure-bind makes sockets of another kind: hypercorn's affair."""
    if said.has(INSECURE_BIND) or (said.has(CONFIG) and not said.has(BIND)):
        return Place()
    return binds(said, BIND, default="127.0.0.1:8000")


def _drops(said: Said) -> tuple[Problem, ...]:
    if said.number(WORKERS) < 2:
        return ()
    what = "hypercorn with several workers drops the requests in flight when it is stopped"
    return (Problem("W042", "args.workers", what, fix="write REPLICAS instead: each drains by itself"),)


BACKEND = Backend(
    name="hypercorn",
    title="hypercorn",
    requires="hypercorn",
    module="hypercorn",
    build=build,
    profile=profile,
    options=options,
)
