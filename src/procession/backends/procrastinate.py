"""procrastinate: `manage.py procrastinate worker`, tasks in PostgreSQL, worked off by an asyncio loop.

TERM lets the jobs finish. Its own graceful timeout aborts asynchronous jobs alone; a synchronous one runs on, and ends
with the second TERM.
"""

from __future__ import annotations

from procession.backends.base import Backend, Command, Profile
from procession.backends.management import Line, ManagementCommand, command
from procession.backends.option import Option, Takes
from procession.backends.worker import (
    STOP_TIMEOUT_SECONDS,
    TERM_TWICE,
    asked_stop_seconds,
    liveness,
    own_timeout_seconds,
    readiness,
    with_default,
)
from procession.stack.model import Declaration, Site

TIMEOUT = Option(("--shutdown-graceful-timeout",))
QUEUES = Option(("--queues", "-q"), Takes.JOINED)

WORKER = ManagementCommand(
    words=("procrastinate", "worker"), app="procrastinate.contrib.django", ready="procrastinate", known=(QUEUES,)
)


def build(declaration: Declaration, site: Site, stop_timeout_seconds: float) -> Command:
    flags = WORKER.flags(declaration.args)
    default = f"--shutdown-graceful-timeout={own_timeout_seconds(stop_timeout_seconds):g}"
    return command(
        WORKER,
        site,
        Line(
            flags=with_default(flags, TIMEOUT, default),
            problems=WORKER.problems(declaration.args, site),
            stop_timeout_seconds=asked_stop_seconds(flags, TIMEOUT),
        ),
    )


def profile(command: Command) -> Profile:
    return Profile(
        stop=TERM_TWICE,
        stop_timeout_seconds=STOP_TIMEOUT_SECONDS,
        readiness=readiness(command),
        liveness=liveness(command),
    )


BACKEND = Backend(
    name="procrastinate",
    title="procrastinate worker",
    requires="procrastinate",
    module="procrastinate",
    build=build,
    profile=profile,
    options=WORKER.options,
    asks_django=True,
    queues="procrastinate",
)
