"""dramatiq: `manage.py rundramatiq` of django-dramatiq, a main process with worker processes under it.

The stop signal must reach the main process alone: sent to the whole group the workers see it twice and drop their
tasks.
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

TIMEOUT = Option(("--worker-shutdown-timeout",))  # in milliseconds; its own default is ten minutes

# Repeated, only the last one would count.
LISTS = (Option(("--queues", "-Q"), Takes.SPREAD), Option(("--path", "-P"), Takes.SPREAD))

RUNDRAMATIQ = ManagementCommand(words=("rundramatiq",), app="django_dramatiq", ready="dramatiq", known=LISTS)


def build(declaration: Declaration, site: Site, stop_timeout_seconds: float) -> Command:
    flags = RUNDRAMATIQ.flags(declaration.args)
    milliseconds = round(own_timeout_seconds(stop_timeout_seconds) * 1000)
    return command(
        RUNDRAMATIQ,
        site,
        Line(
            flags=with_default(flags, TIMEOUT, f"--worker-shutdown-timeout={milliseconds}"),
            problems=RUNDRAMATIQ.problems(declaration.args, site),
            stop_timeout_seconds=asked_stop_seconds(flags, TIMEOUT, unit_seconds=0.001),
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
    name="dramatiq",
    title="dramatiq workers",
    requires="django-dramatiq",
    module="django_dramatiq",
    build=build,
    profile=profile,
    options=RUNDRAMATIQ.options,
    asks_django=True,
    queues="dramatiq",
)
