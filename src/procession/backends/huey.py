"""huey: `manage.py run_huey`, a consumer with worker threads, processes or greenlets.

By itself it finishes its tasks after INT and kills them at TERM. Since 3.0 `--graceful-signal TERM` turns that round,
so that systemd, Docker and we all stop it well; an older one is stopped by INT.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

from procession.backends.argv import values
from procession.backends.base import Backend, Command, Profile
from procession.backends.management import Line, ManagementCommand, command
from procession.backends.option import Option, Takes
from procession.backends.worker import (
    STOP_TIMEOUT_SECONDS,
    asked_stop_seconds,
    liveness,
    own_timeout_seconds,
    readiness,
    says,
    with_default,
)
from procession.errors import Problem
from procession.stack.model import Declaration, Site

GRACEFUL = Option(("--graceful-signal", "-g"))
TIMEOUT = Option(("--shutdown-timeout", "-t"))
NO_PERIODIC = Option(("--no-periodic", "-n"), Takes.NOTHING)

RUN_HUEY = ManagementCommand(words=("run_huey",), app="huey.contrib.djhuey", ready="huey")


def build(declaration: Declaration, site: Site, stop_timeout_seconds: float) -> Command:
    flags = RUN_HUEY.flags(declaration.args)
    asked = asked_stop_seconds(flags, TIMEOUT)
    problems = RUN_HUEY.problems(declaration.args, site) + _periodic_twice(flags, declaration)
    if has_graceful_signal():
        flags = with_default(flags, TIMEOUT, f"--shutdown-timeout={own_timeout_seconds(stop_timeout_seconds):g}")
        flags = with_default(flags, GRACEFUL, "--graceful-signal=TERM")
    return command(RUN_HUEY, site, Line(flags=flags, problems=problems, stop_timeout_seconds=asked))


@cache
def has_graceful_signal() -> bool:
    """Is huey 3.0 or later? Where it is not to be found (another environment than the site's), today's is assumed."""
    try:
        return int(version("huey").split(".")[0]) >= 3
    except (PackageNotFoundError, ValueError):
        return True


def profile(command: Command) -> Profile:
    """The graceful signal twice: while huey waits for its tasks, only that one interrupts them (huey 3.5)."""
    graceful = "TERM" if values(command.argv, GRACEFUL)[-1:] == ("TERM",) else "INT"
    return Profile(
        stop=((graceful, None), (graceful, 5.0)),
        stop_timeout_seconds=STOP_TIMEOUT_SECONDS,
        readiness=readiness(command),
        liveness=liveness(command),
    )


def _periodic_twice(flags: tuple[str, ...], declaration: Declaration) -> tuple[Problem, ...]:
    """Every consumer enqueues the periodic tasks; huey has no lock for it."""
    if (declaration.replicas or 1) < 2 or says(flags, NO_PERIODIC):
        return ()
    what = f"with {declaration.replicas} replicas every periodic task runs {declaration.replicas} times"
    fix = 'add "no-periodic": True to ARGS, and declare one more process with REPLICAS 1 and without it'
    return (Problem("W061", "replicas", what, fix=fix),)


BACKEND = Backend(
    name="huey",
    title="huey consumer",
    requires="huey",
    module="huey",
    build=build,
    profile=profile,
    options=RUN_HUEY.options,
    asks_django=True,
    queues="huey",
)
