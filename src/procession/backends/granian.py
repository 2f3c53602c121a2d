"""granian (https://github.com/emmett-framework/granian): ASGI and WSGI, its HTTP in Rust."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from procession.backends.address import file_mode
from procession.backends.argv import values, without
from procession.backends.base import Backend, Command, Profile
from procession.backends.option import Option
from procession.backends.tables import from_click, with_synonyms
from procession.backends.web import Said, host_and_port, read, readiness, with_timeout
from procession.errors import Problem
from procession.stack.model import Declaration, Probe, Site

HOST = Option(("--host",))
PORT = Option(("--port",))
UDS = Option(("--uds",))
UDS_PERMISSIONS = Option(("--uds-permissions",))
INTERFACE = Option(("--interface",))
WORKERS = Option(("--workers",))
BLOCKING_THREADS = Option(("--blocking-threads",))
BACKLOG = Option(("--backlog",))
GRACEFUL = Option(("--workers-kill-timeout",))
GRACEFUL_SECONDS_MAX = 1800  # of --workers-kill-timeout
TLS = (Option(("--ssl-certificate",)), Option(("--ssl-keyfile",)))

SYNONYMS = {
    "address": "--host",
    "threads": "--blocking-threads",
    "websockets": "--ws",
    "log-access": "--access-log",
    "ssl-cert": "--ssl-certificate",
    "ssl-key": "--ssl-keyfile",
}
"""Names that django-prodserver's backend takes, and those of granian's own Server arguments."""


def profile(command: Command) -> Profile:
    """In-flight requests are answered after TERM. HUP replaces the workers one by one and lost no request.

    A worker that is still being started misses the TERM, and is killed at --workers-kill-timeout. Never QUIT: the
    main process dies of it and its workers go on serving.
    """
    return Profile(stop=(("TERM", None), ("TERM", 2.0)), readiness=command.readiness or Probe())


def build_asgi(declaration: Declaration, site: Site, stop_timeout_seconds: float) -> Command:
    return _command(declaration, site, stop_timeout_seconds, interface="asgi")


def build_wsgi(declaration: Declaration, site: Site, stop_timeout_seconds: float) -> Command:
    return _command(declaration, site, stop_timeout_seconds, interface="wsgi")


def build(declaration: Declaration, site: Site, stop_timeout_seconds: float) -> Command:
    """Named without an interface: WSGI, as Django's default is, unless the site has an ASGI application alone."""
    interface = "wsgi" if site.wsgi or not site.asgi else "asgi"
    return _command(declaration, site, stop_timeout_seconds, interface=interface)


@cache
def options() -> tuple[Option, ...]:
    try:
        from granian.cli import cli
    except ImportError:
        return ()
    return with_synonyms(from_click(cli), SYNONYMS)


def _command(declaration: Declaration, site: Site, stop_timeout_seconds: float, *, interface: str) -> Command:
    said, warnings = _read(declaration, site, interface)
    mode = file_mode(said.value(UDS_PERMISSIONS), 0o666)
    where = host_and_port(said, HOST, PORT, UDS, variables="GRANIAN", mode=mode).with_backlog(said.value(BACKLOG))
    flags, asked = with_timeout(said, GRACEFUL, stop_timeout_seconds, longest=GRACEFUL_SECONDS_MAX)
    inherited = without(flags, HOST, PORT, UDS, UDS_PERMISSIONS)
    wrapper = (site.python, "-m", "procession.backends.programs.granian")  # granian has no option for an inherited fd
    return Command(
        argv=(site.python, "-m", "granian", *said.app, *flags),
        handoff=(*wrapper, *said.app, *inherited) if where.listeners else (),
        listeners=where.listeners,
        environment=site.environment(),
        problems=said.problems + where.problems + warnings,
        stop_timeout_seconds=asked,
        readiness=readiness(site, where.listeners, has_tls=said.has(*TLS)),
        multiple_workers=said.number(WORKERS, "GRANIAN_WORKERS") > 1,
    )


def _read(declaration: Declaration, site: Site, interface: str) -> tuple[Said, tuple[Problem, ...]]:
    """What is said, with the interface that ARGS name, or this one; W041 for threads that granian would refuse."""
    said = read(declaration, site, site.wsgi if interface == "wsgi" else site.asgi, options())
    if not said.has(INTERFACE):
        said = replace(said, flags=(*said.flags, f"--interface={interface}"))
    elif said.value(INTERFACE) != interface and not declaration.app:
        said = read(declaration, site, site.wsgi if said.value(INTERFACE) == "wsgi" else site.asgi, options())
    threads = values(said.flags, BLOCKING_THREADS)
    if said.value(INTERFACE) == "wsgi" or not threads or threads[-1] == "1":
        return said, ()
    what = f"granian allows one blocking thread with {said.value(INTERFACE).upper()}, got {threads[-1]}; left out"
    warning = Problem("W041", "args.blocking-threads", what, fix="raise workers instead, or REPLICAS")
    return replace(said, flags=without(said.flags, BLOCKING_THREADS)), (warning,)


def _backend(name: str, title: str, build: Callable[[Declaration, Site, float], Command], old: str = "") -> Backend:
    places = ("django_prodserver.backends.granian", "django_prodserver.backends.servers.granian")
    return Backend(
        name=name,
        title=title,
        requires="granian",
        module="granian",
        build=build,
        profile=profile,
        options=options,
        aliases=tuple(f"{place}.{old}" for place in places if old),
    )


BACKENDS = (
    _backend("granian", "granian", build),
    _backend("granian-asgi", "granian, ASGI", build_asgi, "GranianASGIServer"),
    _backend("granian-wsgi", "granian, WSGI", build_wsgi, "GranianWSGIServer"),
)
