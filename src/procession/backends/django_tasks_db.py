"""django-tasks-db: tasks in the site's own database, worked off by `manage.py db_worker`.

A worker runs one task at a time, so REPLICAS is its concurrency. TERM lets the task finish; a second one leaves it.
"""

from __future__ import annotations

from procession.backends.base import Backend, Command, Profile
from procession.backends.management import Line, ManagementCommand, command
from procession.backends.option import Option, Takes
from procession.backends.worker import STOP_TIMEOUT_SECONDS, TERM_TWICE, liveness, old_paths, readiness, with_default
from procession.stack.model import Declaration, Site

# Its default is settings.DEBUG, and the reloader's parent process loses the task when it is stopped.
RELOAD = Option(("--reload",), Takes.NOTHING, opposites=("--no-reload",))
QUEUES = Option(("--queue-name",), Takes.JOINED)
NOT_QUEUES = Option(("--exclude-queues",), Takes.JOINED)

DB_WORKER = ManagementCommand(
    words=("db_worker",), app="django_tasks_db", ready="django-tasks-db", known=(RELOAD, QUEUES, NOT_QUEUES)
)


def build(declaration: Declaration, site: Site, _stop_timeout_seconds: float) -> Command:
    flags = with_default(DB_WORKER.flags(declaration.args), RELOAD, "--no-reload")
    return command(DB_WORKER, site, Line(flags=flags, problems=DB_WORKER.problems(declaration.args, site)))


def profile(command: Command) -> Profile:
    return Profile(
        stop=TERM_TWICE,
        stop_timeout_seconds=STOP_TIMEOUT_SECONDS,
        readiness=readiness(command),
        liveness=liveness(command),
    )


BACKEND = Backend(
    name="django-tasks-db",
    title="django-tasks-db worker",
    requires="django-tasks-db",
    module="django_tasks_db",
    build=build,
    profile=profile,
    options=DB_WORKER.options,
    asks_django=True,
    queues="django-tasks-db",
    aliases=("django-tasks", *old_paths("django_tasks", "DjangoTasksWorker")),
)
