"""rq, by django-rq: `manage.py rqworker` (a fork per job), `rqworker-pool` (several of those) and `rqcron`.

The queues are plain words on their command lines: ARGS {"queues": ["high", "default"]}. A first TERM lets the job
finish, a second one kills it. It also ends a program that lost the first: rq 2.12 does while it writes a log line, as
its signal handler raises. Two crons would enqueue everything twice: rqcron has no lock (`rqworker --with-scheduler` has
one).
"""

from __future__ import annotations

from collections.abc import Mapping

from procession.backends.arguments import Args
from procession.backends.base import Backend, Command, Profile
from procession.backends.management import Line, ManagementCommand, command
from procession.backends.option import normal
from procession.backends.worker import STOP_TIMEOUT_SECONDS, TERM_TWICE, liveness, readiness
from procession.errors import Problem
from procession.stack.model import Declaration, Site

RQWORKER = ManagementCommand(words=("rqworker",), app="django_rq", ready="rq")
POOL = ManagementCommand(words=("rqworker-pool",), app="django_rq", ready="rq")  # told by the first of its workers
CRON = ManagementCommand(words=("rqcron",), app="django_rq", ready="rq-cron")


def build_worker(declaration: Declaration, site: Site, _stop_timeout_seconds: float) -> Command:
    return _on_queues(RQWORKER, declaration, site)


def build_pool(declaration: Declaration, site: Site, _stop_timeout_seconds: float) -> Command:
    return _on_queues(POOL, declaration, site)


def build_cron(declaration: Declaration, site: Site, _stop_timeout_seconds: float) -> Command:
    """APP names the module or file that registers the jobs."""
    flags = CRON.flags(declaration.args)
    problems = CRON.problems(declaration.args, site)
    if not declaration.app and not any(not word.startswith("-") for word in flags):
        fix = 'write the module that registers the jobs: "APP": "mysite.cron"'
        problems += (Problem("E063", "app", "rqcron needs to know where its jobs are", fix=fix),)
    path = (declaration.app,) if declaration.app else ()
    return command(CRON, site, Line(flags=(*path, *flags), problems=problems))


def profile(command: Command) -> Profile:
    return Profile(
        stop=TERM_TWICE,
        stop_timeout_seconds=STOP_TIMEOUT_SECONDS,
        readiness=readiness(command),
        liveness=liveness(command),
    )


def cron_profile(command: Command) -> Profile:
    return Profile(
        stop=TERM_TWICE,
        stop_timeout_seconds=10.0,
        readiness=readiness(command),
        liveness=liveness(command),
        singleton=True,
    )


def _on_queues(program: ManagementCommand, declaration: Declaration, site: Site) -> Command:
    queues, args = split_queues(declaration.args)
    line = Line(flags=(*queues, *program.flags(args)), problems=program.problems(args, site))
    return command(program, site, line)


def split_queues(args: Args) -> tuple[tuple[str, ...], Args]:
    """ARGS["queues"] as words, and the other ARGS. A sequence has its words in place already."""
    if not isinstance(args, Mapping):
        return (), args
    said = next((value for key, value in args.items() if normal(str(key)) in ("queues", "queue")), ())
    queues = said.replace(",", " ").split() if isinstance(said, str) else said
    words = tuple(str(queue) for queue in queues) if isinstance(queues, list | tuple) else ()
    return words, {key: value for key, value in args.items() if normal(str(key)) not in ("queues", "queue")}


WORKER = Backend(
    name="rq",
    title="RQ worker",
    requires="django-rq",
    module="django_rq",
    build=build_worker,
    profile=profile,
    options=RQWORKER.options,
    asks_django=True,
    aliases=("rq-worker", "rqworker"),
    queues="rq",
)

WORKER_POOL = Backend(
    name="rq-pool",
    title="RQ worker pool",
    requires="django-rq",
    module="django_rq",
    build=build_pool,
    profile=profile,
    options=POOL.options,
    asks_django=True,
    aliases=("rqworker-pool",),
    queues="rq",
)

CRON_SCHEDULER = Backend(
    name="rq-cron",
    title="RQ cron",
    requires="django-rq",
    module="django_rq",
    build=build_cron,
    profile=cron_profile,
    options=CRON.options,
    asks_django=True,
    aliases=("rqcron",),
)

BACKENDS = (WORKER, WORKER_POOL, CRON_SCHEDULER)
