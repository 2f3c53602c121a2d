"""django-q2: `manage.py qcluster`, a main process with a sentinel, workers and helpers under it.

How many workers is said in Q_CLUSTER["workers"], not in ARGS. The stop signal must reach the main process alone: sent
to the whole group the cluster hangs for ever and the task is lost.
"""

from __future__ import annotations

from procession.backends.argv import values, without
from procession.backends.base import Backend, Command, Profile
from procession.backends.management import Line, ManagementCommand, command
from procession.backends.option import Option
from procession.backends.worker import STOP_TIMEOUT_SECONDS, liveness, old_paths, readiness
from procession.stack.model import Declaration, Site

NAME = Option(("--name", "-n"), also=("cluster-name",))

QCLUSTER = ManagementCommand(words=("qcluster",), app="django_q", ready="django-q2", known=(NAME,))


def build(declaration: Declaration, site: Site, _stop_timeout_seconds: float) -> Command:
    """The cluster's name goes by environment, as qcluster's help asks for: --name comes too late for its settings."""
    flags = QCLUSTER.flags(declaration.args)
    names = values(flags, NAME)
    environment = {"Q_CLUSTER_NAME": names[-1]} if names else {}
    problems = QCLUSTER.problems(declaration.args, site)
    return command(
        QCLUSTER,
        site,
        Line(flags=without(flags, NAME), environment=environment, problems=problems),
    )


def profile(command: Command) -> Profile:
    return Profile(stop_timeout_seconds=STOP_TIMEOUT_SECONDS, readiness=readiness(command), liveness=liveness(command))


BACKEND = Backend(
    name="django-q2",
    title="Django Q2 cluster",
    requires="django-q2",
    module="django_q",
    build=build,
    profile=profile,
    options=QCLUSTER.options,
    asks_django=True,
    aliases=("django-q", "qcluster", *old_paths("django_q2", "DjangoQ2Worker")),
    queues="django-q2",
)
