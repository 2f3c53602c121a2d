"""Celery's worker and beat: `python -m celery -A mysite.celery worker`.

A worker finishes its tasks after TERM, for however long they take; QUIT makes it leave them (a task with acks_late goes
back to the queue). Both must reach the main process alone: sent to the whole group TERM loses the tasks.

Beat must never run twice, as each copy sends every task. It keeps `celerybeat-schedule` in its working directory, as
Celery does everywhere; ARGS {"schedule": "/var/lib/mysite/celerybeat-schedule"} moves it, and W063 says so where the
directory cannot be written.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module

from procession.backends.arguments import check, to_flags
from procession.backends.argv import values
from procession.backends.base import Backend, Command, Profile
from procession.backends.celery_app import app_problems, celery_argv, find_app
from procession.backends.option import Option, Takes
from procession.backends.tables import from_click
from procession.backends.worker import STOP_TIMEOUT_SECONDS, liveness, old_paths, readiness, says, site_environment
from procession.errors import Problem
from procession.stack.model import Declaration, Site

BEAT = Option(("--beat", "-B"), Takes.NOTHING)
DETACH = Option(("--detach", "-D"), Takes.NOTHING)  # Beat has no -D, and says so itself.
SCHEDULE = Option(("--schedule", "-s"))
SCHEDULER = Option(("--scheduler", "-S"))

COMMA_LISTS = frozenset({"--queues", "--exclude-queues", "--include"})  # click says of these that they take one text


def build_worker(declaration: Declaration, site: Site, _stop_timeout_seconds: float) -> Command:
    """Celery has no graceful timeout of its own to set: its soft shutdown always lasts the full time."""
    flags = to_flags(declaration.args, worker_options())
    problems = (
        *check(declaration.args, worker_options()),
        *_detached(flags),
        *_beat_inside(flags, declaration),
        *_remapped_term(declaration),
    )
    return _command("worker", flags, problems, declaration, site)


def build_beat(declaration: Declaration, site: Site, _stop_timeout_seconds: float) -> Command:
    flags = to_flags(declaration.args, beat_options())
    problems = (
        *check(declaration.args, beat_options()),
        *_detached(flags),
        *_no_place_for_schedule(flags, declaration, site),
    )
    return _command("beat", flags, problems, declaration, site)


@cache
def worker_options() -> tuple[Option, ...]:
    """What `celery worker` accepts; empty without Celery."""
    return _ask("celery.bin.worker", "worker")


@cache
def beat_options() -> tuple[Option, ...]:
    """What `celery beat` accepts; empty without Celery."""
    return _ask("celery.bin.beat", "beat")


def worker_profile(command: Command) -> Profile:
    """HUP is left out: it drains and runs the program anew, which a restart does better, as it waits for readiness."""
    return Profile(
        stop=(("TERM", None), ("QUIT", 10.0)),
        stop_timeout_seconds=STOP_TIMEOUT_SECONDS,
        readiness=readiness(command),
        liveness=liveness(command),
    )


def beat_profile(command: Command) -> Profile:
    return Profile(stop_timeout_seconds=10.0, readiness=readiness(command), liveness=liveness(command), singleton=True)


def _command(
    program: str, flags: Sequence[str], problems: tuple[Problem, ...], declaration: Declaration, site: Site
) -> Command:
    app = find_app(declaration, site)
    return Command(
        argv=(*celery_argv(app, site), program, *flags),
        environment=site_environment(site, f"celery-{program}"),
        problems=app_problems(app, site) + problems,
    )


def _ask(module: str, name: str) -> tuple[Option, ...]:
    try:
        command = getattr(import_module(module), name)
    except ImportError:
        return ()
    return tuple(_with_commas(option) for option in from_click(command))


def _with_commas(option: Option) -> Option:
    return replace(option, takes=Takes.JOINED) if COMMA_LISTS & set(option.names) else option


def _detached(flags: Sequence[str]) -> tuple[Problem, ...]:
    """A program that forks itself away is seen to exit at once, and lives on unwatched."""
    if not says(flags, DETACH):
        return ()
    return (Problem("E062", "args.detach", "it must stay in the foreground to be supervised", fix="take it out"),)


def _beat_inside(flags: Sequence[str], declaration: Declaration) -> tuple[Problem, ...]:
    if not says(flags, BEAT):
        return ()
    times = f"{declaration.replicas} times" if (declaration.replicas or 1) > 1 else "twice, once it is scaled or rolled"
    what = f"every worker brings a beat of its own, so each periodic task runs {times}"
    fix = 'take it out, and declare a process with "BACKEND": "celery-beat"'
    return (Problem("W060", "args.beat", what, fix=fix),)


def _remapped_term(declaration: Declaration) -> tuple[Problem, ...]:
    if declaration.env.get("REMAP_SIGTERM") != "SIGQUIT":
        return ()
    what = "makes TERM a cold stop, which leaves the running tasks; it is meant for Heroku, which signals every process"
    return (Problem("W062", "env.REMAP_SIGTERM", what, fix="take it out: TERM goes to the main process alone here"),)


def _no_place_for_schedule(flags: Sequence[str], declaration: Declaration, site: Site) -> tuple[Problem, ...]:
    """Another scheduler (DatabaseScheduler, redbeat) keeps its own place; what another USER may write is unknown."""
    if says(flags, SCHEDULER) or declaration.user:
        return ()
    directory = declaration.directory or site.directory
    path = os.path.join(directory, *values(flags, SCHEDULE)[-1:] or ("celerybeat-schedule",))
    if not os.path.isdir(directory) or os.access(os.path.dirname(path), os.W_OK):
        return ()
    fix = 'write a path that it can write: "ARGS": {"schedule": "/var/lib/.../celerybeat-schedule"}'
    return (Problem("W063", "args.schedule", f"beat cannot write its schedule to {path}", fix=fix),)


WORKER = Backend(
    name="celery-worker",
    title="Celery worker",
    requires="celery",
    module="celery",
    build=build_worker,
    profile=worker_profile,
    options=worker_options,
    queues="celery",
    aliases=("celery", *old_paths("celery", "CeleryWorker")),
)

BEAT_BACKEND = Backend(
    name="celery-beat",
    title="Celery beat",
    requires="celery",
    module="celery",
    build=build_beat,
    profile=beat_profile,
    options=beat_options,
    aliases=("beat", *old_paths("celery", "CeleryBeat")),
)

BACKENDS = (WORKER, BEAT_BACKEND)
