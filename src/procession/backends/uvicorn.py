"""uvicorn (https://www.uvicorn.org): ASGI, and WSGI by --interface wsgi."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from procession.backends.argv import without
from procession.backends.base import Backend, Command, Profile
from procession.backends.option import Option
from procession.backends.tables import from_click
from procession.backends.web import Said, host_and_port, read, readiness, with_timeout
from procession.stack.model import Declaration, Probe, Site

HOST = Option(("--host",))
PORT = Option(("--port",))
UDS = Option(("--uds",))
FD = Option(("--fd",))
INTERFACE = Option(("--interface",))
WORKERS = Option(("--workers",))
BACKLOG = Option(("--backlog",))
GRACEFUL = Option(("--timeout-graceful-shutdown",))
TLS = (Option(("--ssl-certfile",)), Option(("--ssl-keyfile",)))


def profile(command: Command) -> Profile:
    """In-flight requests are answered after TERM; a single process then dies of TERM as if it had never caught it.

    At the graceful timeout it cancels the rest; INT after TERM makes it leave at once. Never QUIT: several workers
    ignore it. HUP replaces workers one by one, each new one ready before the old one goes (since 0.54); a single
    process dies of it.
    """
    return Profile(
        stop=(("TERM", None), ("INT", 2.0)),
        reload_signal="HUP" if command.workers > 1 else "",
        success=(0,) if command.workers > 1 else (0, -15),
        readiness=command.readiness or Probe(),
    )


def build_asgi(declaration: Declaration, site: Site, stop_timeout_seconds: float) -> Command:
    said = read(declaration, site, site.asgi, options())
    if said.value(INTERFACE) == "wsgi" and not declaration.app:
        said = read(declaration, site, site.wsgi, options())
    return _command(said, site, stop_timeout_seconds)


def build_wsgi(declaration: Declaration, site: Site, stop_timeout_seconds: float) -> Command:
    said = read(declaration, site, site.wsgi, options())
    if not said.has(INTERFACE):
        said = replace(said, flags=(*said.flags, "--interface=wsgi"))
    return _command(said, site, stop_timeout_seconds)


@cache
def options() -> tuple[Option, ...]:
    try:
        from uvicorn.main import main
    except ImportError:
        return ()
    return from_click(main)


def _command(said: Said, site: Site, stop_timeout_seconds: float) -> Command:
    """uvicorn reads UVICORN_* variables, and WEB_CONCURRENCY, too."""
    where = host_and_port(said, HOST, PORT, UDS, variables="UVICORN").with_backlog(said.value(BACKLOG))
    if said.has(FD):
        where = replace(where, listeners=())
    flags, asked = with_timeout(said, GRACEFUL, stop_timeout_seconds)
    start = (site.python, "-m", "uvicorn", *said.app)
    return Command(
        argv=(*start, *flags),
        handoff=(*start, *without(flags, HOST, PORT, UDS), "--fd=3") if where.listeners else (),
        listeners=where.listeners,
        environment=site.environment(),
        problems=said.problems + where.problems,
        stop_timeout_seconds=asked,
        readiness=readiness(site, where.listeners, has_tls=said.has(*TLS)),
        workers=said.number(WORKERS, "WEB_CONCURRENCY"),
    )


BACKENDS = (
    Backend(
        name="uvicorn",
        title="uvicorn",
        requires="uvicorn",
        module="uvicorn",
        build=build_asgi,
        profile=profile,
        options=options,
        aliases=(
            "uvicorn-asgi",
            "django_prodserver.backends.uvicorn.UvicornServer",
            "django_prodserver.backends.servers.uvicorn.UvicornServer",
        ),
    ),
    Backend(
        name="uvicorn-wsgi",
        title="uvicorn, WSGI",
        requires="uvicorn",
        module="uvicorn",
        build=build_wsgi,
        profile=profile,
        options=options,
        aliases=(
            "django_prodserver.backends.uvicorn.UvicornWSGIServer",
            "django_prodserver.backends.servers.uvicorn.UvicornWSGIServer",
        ),
    ),
)
