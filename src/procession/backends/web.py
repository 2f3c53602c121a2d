"""What all web servers' backends do: find the application, pass the stop timeout on, say how readiness is seen."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from procession.backends.address import Place, bad_address, listener, place, tcp, unix
from procession.backends.arguments import check, to_flags
from procession.backends.argv import parse, values
from procession.backends.option import Option
from procession.errors import Problem
from procession.stack.model import Declaration, Listener, Probe, ProbeType, Site

"""A server that answers a probe of "/" with 404 or 400 (ALLOWED_HOSTS) has loaded its site; with 500 it has not."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a declaration says to a web server. `app` is empty if ARGS hold the application as a word of their own."""

    app: tuple[str, ...]
    flags: tuple[str, ...]
    directory: str  # the working directory, from which relative paths start
    environment: Mapping[str, str]  # what the program will find, as far as it is known now
    problems: tuple[Problem, ...]

    def value(self, option: Option, default: str = "") -> str:
        """What ARGS say last for an option."""
        return next(reversed(values(self.flags, option)), default)

    def has(self, *options: Option) -> bool:
        """Do ARGS give any of these options, with or without a value?"""
        return any(given.option for given in parse(self.flags, options))

    def number(self, option: Option, variable: str = "") -> int:
        """A count in ARGS, or in an environment variable that the server reads; 1 if neither says a number."""
        text = self.value(option, self.environment.get(variable, ""))
        return int(text) if text.isdecimal() else 1


def read(declaration: Declaration, site: Site, app: str, options: Sequence[Option]) -> Said:
    """A declaration, with `app` as the application where it names none: "mysite.wsgi:application"."""
    flags = to_flags(declaration.args, options)
    problems = check(declaration.args, options)
    words = not isinstance(declaration.args, Mapping) and [given for given in parse(flags, options) if not given.name]
    target = _target(declaration.app or app)
    if not words and not target:
        fix = "set WSGI_APPLICATION or ASGI_APPLICATION in settings, or APP here"
        problems += (Problem("E045", "app", "there is no application to serve", fix=fix),)
    return Said(
        app=() if words or not target else (target,),
        flags=flags,
        directory=os.path.join(site.directory, declaration.directory or ""),
        environment={**os.environ, **declaration.env},
        problems=problems,
    )


def with_timeout(
    said: Said, option: Option, seconds: float, *, longest: int = 0
) -> tuple[tuple[str, ...], float | None]:
    """The flags with the server's own graceful timeout in them, and the seconds that ARGS had said for it, if they did.

    Servers take whole seconds, and mostly no 0: rounded up, so that the ladder and not the server's clock is the limit.
    """
    if not said.has(option):
        whole = max(1, math.ceil(seconds))
        return (*said.flags, f"{option.long}={min(whole, longest) if longest else whole}"), None
    try:
        return said.flags, float(said.value(option))
    except ValueError:
        return said.flags, None  # The server will say what is wrong with it.


def host_and_port(said: Said, host: Option, port: Option, path: Option, *, variables: str, mode: int = 0o666) -> Place:
    """Where a server listens that has --host, --port and a unix socket's path; `variables` is the prefix of its own
    environment variables ("UVICORN": UVICORN_PORT), "" if it reads none. Its default is 127.0.0.1:8000."""

    def saying(option: Option, default: str = "") -> str:
        name = f"{variables}_{option.long.strip('-').upper()}"
        return said.value(option, said.environment.get(name, default) if variables else default)

    if socket := saying(path):
        found = unix(socket, said.directory)
        return Place((listener(found, mode),) if found else ())
    try:
        return Place((listener(tcp(saying(host, "127.0.0.1"), saying(port, "8000")), mode),))
    except ValueError:
        where = f"args.{port.long.strip('-')}"
        is_told = any(
            problem.where == where for problem in said.problems
        )  # the option's table knows that it is a number
        return Place(problems=() if is_told else (bad_address(where, saying(port)),))


def binds(said: Said, option: Option, *, default: str, mode: int = 0o666) -> Place:
    """Where a server listens that has an option for the whole address: --bind, --listen."""
    where = f"args.{option.long.strip('-')}"
    return place(values(said.flags, option) or (default,), directory=said.directory, where=where, mode=mode)


def environment(site: Site) -> Mapping[str, str]:
    """The settings that the stack was read from: a site's wsgi.py may name others, which it then does not get."""
    return {"DJANGO_SETTINGS_MODULE": site.settings_module} if site.settings_module else {}


def readiness(site: Site, listeners: Sequence[Listener], *, has_tls: bool = False) -> Probe:
    """The site's own word if it can give it, else an answer to a request; less with TLS, or with no address known.

    It is asked only until it is ready: nobody has declared that the site should be asked for "/" for ever.
    """
    if site.has_app:
        return Probe(type=ProbeType.APP)
    if not listeners:
        return Probe(type=ProbeType.NONE)
    return (
        Probe(type=ProbeType.TCP, failures=0) if has_tls else Probe(type=ProbeType.HTTP, status_below=500, failures=0)
    )


def not_in_background(said: Said, option: Option) -> tuple[Problem, ...]:
    """E047 for a server that would leave its supervisor: it would be taken for dead, and started again."""
    if not said.has(option):
        return ()
    what = "would put it into the background, where nothing can look after it"
    return (Problem("E047", f"args.{option.long.strip('-')}", what, fix="take it out"),)


def _target(app: str) -> str:
    """module:attribute, from the dotted form of settings too: mysite.wsgi.application, or mysite.wsgi alone."""
    if not app or ":" in app:
        return app
    module, _, attribute = app.rpartition(".")
    return f"{app}:application" if attribute in ("wsgi", "asgi") or not module else f"{module}:{attribute}"
