"""Django's development server (`manage.py runserver`), on the supervisor's socket.

By itself it reloads, as it always does; handed a socket it does not, because `procession dev` looks at the files then,
and restarts it while the browser waits at the socket: no connection is refused meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from procession.backends.address import Place, place
from procession.backends.arguments import check, to_flags
from procession.backends.argv import parse
from procession.backends.base import Backend, Command, Profile
from procession.backends.manage import manage_py
from procession.backends.option import Option, Takes
from procession.stack.model import Declaration, Listener, Probe, ProbeType, Site

PROGRAM = "procession.django.runserver"
DRAIN_SECONDS = 5.0
OPTIONS = (
    Option(("--addrport",)),  # not runserver's: how a mapping says the address, which is a word of its own there
    Option(("--noreload",), Takes.NOTHING),
    Option(("--nothreading",), Takes.NOTHING),
    Option(("--nostatic",), Takes.NOTHING),
    Option(("--insecure",), Takes.NOTHING),
    Option(("--skip-checks",), Takes.NOTHING),
    Option(("--ipv6", "-6"), Takes.NOTHING),
    Option(("--force-color",), Takes.NOTHING, opposites=("--no-color",)),
    Option(("--traceback",), Takes.NOTHING),
    Option(("--verbosity", "-v")),
    Option(("--settings",)),
    Option(("--pythonpath",)),
)


def profile(command: Command) -> Profile:
    """Our program says itself when it serves. Its HUP is no reload: it reads templates anew, and no code."""
    return Profile(
        stop=(("TERM", None),),
        stop_timeout_seconds=DRAIN_SECONDS,
        success=(0, -15),
        readiness=Probe(type=ProbeType.NOTIFY) if command.handoff else Probe(type=ProbeType.TCP, failures=0),
    )


def build(declaration: Declaration, site: Site, _stop_timeout_seconds: float) -> Command:
    """ARGS as runserver has them: "8001", "0.0.0.0:8001 --nostatic", {"addrport": "8001"}; else PORT, else 8000."""
    flags, said = _split(to_flags(declaration.args, OPTIONS))
    port = declaration.env.get("PORT", "")
    address = said or f"{'[::1]' if {'--ipv6', '-6'} & set(flags) else '127.0.0.1'}:{port or 8000}"
    where = _place(address, site)
    words = (*flags, address)
    own = ("--noreload",) if _is_daphne(site) and "--noreload" not in flags else ()
    return Command(
        argv=(*manage_py(site), "runserver", *own, *words),
        handoff=_handoff(site, words) if where.listeners and not _is_daphne(site) else (),
        listeners=where.listeners,
        environment={**site.environment(), "DJANGO_RUNSERVER_HIDE_WARNING": "true"},
        problems=check(declaration.args, OPTIONS) + where.problems,
    )


@cache
def options() -> tuple[Option, ...]:
    return OPTIONS


def _handoff(site: Site, words: Sequence[str]) -> tuple[str, ...]:
    script = manage_py(site)[-1]
    reloading = () if "--noreload" in words else ("--noreload",)
    return (site.python, "-m", PROGRAM, script, "runserver", *reloading, *words)


def _split(flags: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The options, and the address, "" if there is none."""
    address = ""
    options: list[str] = []
    for given in parse(flags, OPTIONS):
        if given.name == "":
            address = given.words[0]
        elif given.words[0].startswith("--addrport="):
            address = given.words[0].partition("=")[2]
        else:
            options += given.words
    return tuple(options), address


def _place(address: str, site: Site) -> Place:
    """As runserver reads it: a number alone is a port, and 0 every address."""
    if address.isdecimal():
        address = f"127.0.0.1:{address}"
    host, _, port = address.rpartition(":")
    found = place((f"0.0.0.0:{port}" if host == "0" else address,), directory=site.directory, where="args.addrport")
    return Place(tuple(Listener(each.bind) for each in found.listeners), found.problems)


def _is_daphne(site: Site) -> bool:
    """daphne's runserver binds by itself, and serves ASGI."""
    return any(app == "daphne" or app.startswith("daphne.") for app in site.installed_apps)


BACKEND = Backend(
    name="runserver",
    title="Django's development server",
    requires="django",
    module="django",
    build=build,
    profile=profile,
    options=options,
    aliases=(
        "django_prodserver.backends.dev.django_runserver.DjangoRunserver",
        "django_prodserver.backends.django_runserver.DjangoRunserver",
    ),
)
