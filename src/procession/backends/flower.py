"""Flower: `python -m celery -A mysite.celery flower`, a web page about Celery's workers.

It binds its own address and cannot take a listener over. Options that it does not know it ignores without a word, so
the check of ARGS is the only thing that finds a typo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Protocol

from procession.backends.arguments import check, to_flags
from procession.backends.argv import values
from procession.backends.base import Backend, Command, Profile
from procession.backends.celery_app import app_problems, celery_argv, find_app
from procession.backends.option import Option, Takes
from procession.backends.worker import old_paths, site_environment
from procession.stack.model import Declaration, Listener, Probe, ProbeType, Site

ADDRESS = Option(("--address",))
PORT = Option(("--port",))
UNIX_SOCKET = Option(("--unix-socket",))
PREFIX = Option(("--url-prefix",))


class TornadoOption(Protocol):
    """What we read of tornado.options._Option."""

    name: str
    multiple: bool


def build(declaration: Declaration, site: Site, _stop_timeout_seconds: float) -> Command:
    app = find_app(declaration, site)
    flags = to_flags(declaration.args, options())
    return Command(
        argv=(*celery_argv(app, site), "flower", *flags),
        environment=site_environment(site),
        listeners=(Listener(bind=_bind(flags)),),
        problems=app_problems(app, site) + check(declaration.args, options()),
    )


def profile(command: Command) -> Profile:
    """/healthcheck is answered without a password, and without a broker."""
    prefix = "/".join(values(command.argv, PREFIX)[-1:]).strip("/")
    path = f"/{prefix}/healthcheck" if prefix else "/healthcheck"
    return Profile(stop_timeout_seconds=10.0, readiness=Probe(type=ProbeType.HTTP, path=path))


@cache
def options() -> tuple[Option, ...]:
    """Flower's own options, and tornado's for logging; empty without it.

    Tornado's parser takes --unix_socket and --unix-socket alike, and a boolean with or without its value.
    """
    try:
        defined: Mapping[str, TornadoOption] = import_module("flower.options").options._options
    except ImportError:
        return ()
    return tuple(Option((f"--{name}",), _takes(option)) for name, option in defined.items())


def _takes(option: TornadoOption) -> Takes:
    if getattr(option, "type", None) is bool:
        return Takes.TRUTH
    return Takes.JOINED if option.multiple else Takes.ONE


def _bind(flags: Sequence[str]) -> str:
    """Where it listens; without ARGS on port 5555 of every address."""
    unix = values(flags, UNIX_SOCKET)
    if unix and unix[-1]:
        return f"unix:{unix[-1]}"
    address = next(iter(values(flags, ADDRESS)[-1:]), "") or "0.0.0.0"
    port = next(iter(values(flags, PORT)[-1:]), "5555")
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


BACKEND = Backend(
    name="celery-flower",
    title="Flower",
    requires="flower",
    module="flower",
    build=build,
    profile=profile,
    options=options,
    aliases=("flower", *old_paths("flower", "CeleryFlower")),
)
