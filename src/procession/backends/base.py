"""What a backend is: the knowledge about one server program, as data and one function that builds its command.

A backend is a `Backend` value in a file of its own (`gunicorn.py`: `BACKEND = Backend(...)`), found by its short name,
by an alias (the dotted class paths of django-prodserver), or as a third party's through the entry point group
`procession.backends`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from procession.backends.option import Option
from procession.errors import Problem
from procession.stack.model import Declaration, Kind, Listener, Probe, RestartWhen, Site, StopStep

SITE_CODE = ("*.py", "*.mo", "templates/", "jinja2/")
"""The files that a Python program of the site reads once; Django's own reloader looks at these, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How to start the program, worked out from one declaration.

    `argv` binds by itself; `handoff` takes the listeners as fds 3, 4, ... (empty: it cannot). Problems are what the
    declaration says wrong; a Command with error problems is never run. A problem's `where` begins inside of the process
    ("args.bind"): the loader puts the process's name in front, and its origin behind.

    `stop_timeout_seconds` is the graceful timeout that ARGS ask of the program themselves: the process's STOP_TIMEOUT
    where the declaration has none. None: ARGS are silent, and the program was given the STOP_TIMEOUT.
    """

    argv: tuple[str, ...]
    handoff: tuple[str, ...] = ()
    listeners: tuple[Listener, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    stop_timeout_seconds: float | None = None
    readiness: Probe | None = None  # where `build` knows it better than the profile: it has seen the site and ARGS
    workers: int = 1  # processes that load the site each; profiles differ by it (uvicorn), and readiness does
    can_reload: bool = True  # for programs whose options may spoil it (gunicorn --preload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How the program behaves, each fact measured (FACTS.md). Defaults are what most programs do.

    `stop` is the ladder for a stop timeout of T seconds; None stands for T itself: (("TERM", None), ("QUIT", 10.0)).
    """

    stop: tuple[tuple[str, float | None], ...] = (("TERM", None),)
    stop_timeout_seconds: float = 30.0
    reload_signal: str = ""
    success: tuple[int, ...] = (0,)
    readiness: Probe = field(default_factory=Probe)
    liveness: Probe | None = None
    singleton: bool = False
    kind: Kind = Kind.PROCESS
    restart: RestartWhen = RestartWhen.ALWAYS
    watch: tuple[str, ...] = SITE_CODE

    def ladder(self, stop_timeout_seconds: float) -> tuple[StopStep, ...]:
        """The stop ladder for that timeout, in seconds."""
        return tuple(
            StopStep(name, stop_timeout_seconds if seconds is None else seconds) for name, seconds in self.stop
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One server program.

    `build(declaration, site, stop_timeout_seconds)` makes its Command; `profile(command)` its Profile;
    `options()` what the installed program accepts, for ARGS and their check: an empty sequence if it cannot be asked.
    `requires` is the distribution to install ("gunicorn"), for the error when it is missing, and `module` the module
    whose absence shows that it is; both are "" where nothing is needed. `asks_django`: its options can only be asked
    for where Django is set up. `queues` says of a program that takes tasks how those that wait are counted: a key of
    procession.django.counters.COUNTERS; "" where there is nothing to count.
    """

    name: str
    title: str
    requires: str
    module: str
    build: Callable[[Declaration, Site, float], Command]
    profile: Callable[[Command], Profile]
    options: Callable[[], Sequence[Option]] = tuple
    asks_django: bool = False
    aliases: tuple[str, ...] = ()
    queues: str = ""
