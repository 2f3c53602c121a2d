"""gunicorn (https://gunicorn.org): WSGI, and ASGI by its own worker since 25."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from procession.backends.address import Place, file_mode, place
from procession.backends.argv import values, without
from procession.backends.base import Backend, Command, Profile
from procession.backends.gunicorn_file import ConfigFile, read_config
from procession.backends.option import NUMBERS, Option, Takes
from procession.backends.web import Said, not_in_background, read, readiness, with_timeout
from procession.stack.model import Declaration, Probe, Site

BIND = Option(("--bind", "-b"), Takes.REPEATED)
REUSE_PORT = Option(("--reuse-port",), Takes.NOTHING)
CONFIG = Option(("--config", "-c"))
WORKERS = Option(("--workers", "-w"))
WORKER_CLASS = Option(("--worker-class", "-k"))
BACKLOG = Option(("--backlog",))
GRACEFUL = Option(("--graceful-timeout",))
DAEMON = Option(("--daemon", "-D"), Takes.NOTHING)
PRELOAD = Option(("--preload",), Takes.NOTHING)
TLS = (Option(("--certfile",)), Option(("--keyfile",)))
UMASK = Option(("--umask", "-m"))
CONTROL_SOCKET = Option(("--control-socket",))
NO_CONTROL_SOCKET = Option(("--no-control-socket",), Takes.NOTHING)


def profile(command: Command) -> Profile:
    """In-flight requests are answered after TERM; at the graceful timeout gunicorn ends the rest itself, and exits 0.

    QUIT comes after that: it is for an arbiter that hangs. HUP starts new workers first, and lost no request; with
    --preload it would go on serving the old code (docs.gunicorn.org, signals). It has no way back: at a worker that
    does not boot the arbiter ends (HaltServer, 27.0), so a roll is the better way to code that nobody has tried.
    """
    return Profile(
        stop=(("TERM", None), ("QUIT", 2.0)),
        reload_signal="HUP" if command.can_reload else "",
        readiness=command.readiness or Probe(),
    )


def build_wsgi(declaration: Declaration, site: Site, stop_timeout_seconds: float) -> Command:
    """A worker class that speaks ASGI (`-k asgi`, uvicorn's) gets the ASGI application."""
    said = read(declaration, site, site.wsgi, options())
    if _speaks_asgi(said) and not declaration.app:
        said = read(declaration, site, site.asgi, options())
    return _command(said, site, stop_timeout_seconds)


def build_asgi(declaration: Declaration, site: Site, stop_timeout_seconds: float) -> Command:
    said = read(declaration, site, site.asgi, options())
    if not said.has(WORKER_CLASS):
        said = replace(said, flags=(*said.flags, "--worker-class=asgi"))
    return _command(said, site, stop_timeout_seconds)


@cache
def options() -> tuple[Option, ...]:
    """gunicorn's own settings; a setting's name may be written where its flag has another (accesslog, keepalive)."""
    try:
        from gunicorn.config import KNOWN_SETTINGS
    except ImportError:
        return ()
    known = [setting for setting in KNOWN_SETTINGS if setting.cli]
    return tuple(
        replace(_option(setting.name, setting.cli, setting.action, setting.nargs), number=NUMBERS.get(setting.type))
        for setting in known
    )


def _option(name: str, cli: list[str], action: str | None, nargs: str | None) -> Option:
    if action == "store_const":  # sendfile is on; its only flag is --no-sendfile
        return Option((), Takes.NOTHING, opposites=tuple(cli), also=(name,))
    if action == "store_true":
        takes = Takes.NOTHING
    else:
        takes = Takes.MAYBE if nargs == "?" else Takes.REPEATED if action == "append" else Takes.ONE
    return Option(tuple(cli), takes, also=(name,))


def _command(said: Said, site: Site, stop_timeout_seconds: float) -> Command:
    file = read_config(said.value(CONFIG), said.directory)
    flags, asked = _graceful(said, file, stop_timeout_seconds)
    flags += _quiet(said)
    where = _place(said, file).with_backlog(said.value(BACKLOG))
    start = (site.python, "-m", "gunicorn", *said.app)
    return Command(
        argv=(*start, *flags),
        # Without --bind: gunicorn takes LISTEN_FDS by itself, and with fd://3 beside it would close fd 3 twice.
        handoff=(*start, *without(flags, BIND, REUSE_PORT)) if where.listeners else (),
        listeners=where.listeners,
        environment=site.environment(),
        problems=said.problems + where.problems + not_in_background(said, DAEMON),
        stop_timeout_seconds=asked,
        readiness=readiness(site, where.listeners, has_tls=said.has(*TLS) or file.may_say("certfile")),
        multiple_workers=said.number(WORKERS, "WEB_CONCURRENCY") > 1,
        can_reload=not said.has(PRELOAD) and not file.may_be_on("preload_app"),
    )


def _graceful(said: Said, file: ConfigFile, stop_timeout_seconds: float) -> tuple[tuple[str, ...], float | None]:
    if said.has(GRACEFUL) or not file.may_say("graceful_timeout"):
        return with_timeout(said, GRACEFUL, stop_timeout_seconds)
    text = "".join(file.texts("graceful_timeout"))
    return said.flags, float(text) if text.isdecimal() else None


def _quiet(said: Said) -> tuple[str, ...]:
    """Since 25.1 every gunicorn of a user opens the same control socket in his home: two of them fight for it."""
    knows = any(option.names == NO_CONTROL_SOCKET.names for option in options())
    return NO_CONTROL_SOCKET.names if knows and not said.has(CONTROL_SOCKET, NO_CONTROL_SOCKET) else ()


def _place(said: Said, file: ConfigFile) -> Place:
    binds = values(said.flags, BIND)
    if not binds and file.may_say("bind"):
        binds = file.texts("bind")
        if not binds:
            return Place()
    port = said.environment.get("PORT")
    default = f"0.0.0.0:{port}" if port else "127.0.0.1:8000"
    return place(binds or (default,), directory=said.directory, where="args.bind", mode=_mode(said))


def _mode(said: Said) -> int:
    """gunicorn sets its own umask for the socket, 0 if not said, whatever the process has."""
    return 0o777 & ~file_mode(said.value(UMASK), 0)


def _speaks_asgi(said: Said) -> bool:
    worker = said.value(WORKER_CLASS).lower()
    return "asgi" in worker or "uvicorn" in worker


BACKENDS = (
    Backend(
        name="gunicorn",
        title="gunicorn",
        requires="gunicorn",
        module="gunicorn",
        build=build_wsgi,
        profile=profile,
        options=options,
        aliases=(
            "django_prodserver.backends.gunicorn.GunicornServer",
            "django_prodserver.backends.servers.gunicorn.GunicornServer",
        ),
    ),
    Backend(
        name="gunicorn-asgi",
        title="gunicorn, ASGI",
        requires="gunicorn",
        module="gunicorn",
        build=build_asgi,
        profile=profile,
        options=options,
    ),
)
