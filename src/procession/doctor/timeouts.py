"""Timeouts that are nested the wrong way round: an outer one that ends what an inner one would still wait for."""

from __future__ import annotations

from collections.abc import Iterator

from procession.doctor.case import Case
from procession.doctor.finding import Finding, Weight
from procession.stack.model import Process

GUNICORN = ("gunicorn", "gunicorn-asgi")
CELERY = "celery-worker"
REDIS_VISIBILITY_SECONDS = 3600.0  # kombu's default for Redis


def examine_timeouts(case: Case) -> Iterator[Finding]:
    for process in case.processes():
        if process.stop and process.backend in GUNICORN:
            yield from _gunicorn(process)
        elif process.stop and process.backend == CELERY:
            yield from _celery(process, case)


def _gunicorn(process: Process) -> Iterator[Finding]:
    stop = process.stop[0].seconds
    graceful = option_seconds(process.argv, "--graceful-timeout")
    request = option_seconds(process.argv, "--timeout", "-t")
    if graceful is not None and graceful > stop:
        what = (
            f"{process.name}: gunicorn would wait {graceful:g} s for requests at a stop, and is ended after {stop:g} s"
        )
        yield _risk(what, f'"STOP_TIMEOUT": {graceful:g}, or a smaller ARGS["graceful-timeout"]')
    if request is not None and request > stop:
        what = f"{process.name}: a request may take {request:g} s (timeout), and a stop ends it after {stop:g} s"
        yield _risk(what, f'"STOP_TIMEOUT": {request:g}, if such requests must not be lost')


def _celery(process: Process, case: Case) -> Iterator[Finding]:
    celery = case.report.get("celery", {})
    stop, limit = process.stop[0].seconds, celery.get("task_time_limit")
    visible = celery.get("visibility_timeout")
    if visible is None and str(celery.get("broker", "")).startswith("redis"):
        visible = REDIS_VISIBILITY_SECONDS
    if limit and limit > stop:
        what = f"{process.name}: a task may take {limit:g} s (task_time_limit), and a stop ends it after {stop:g} s"
        yield _risk(what, f'"STOP_TIMEOUT": {limit:g}, or tasks that may be done again (acks_late)')
    if limit and visible and visible < limit:
        what = f"{process.name}: Redis gives a task to a second worker after {visible:g} s; one may take {limit:g} s"
        yield _risk(what, f'broker_transport_options = {{"visibility_timeout": {limit + 60:g}}}')


def option_seconds(argv: tuple[str, ...], *names: str) -> float | None:
    """The value of `--name=30` or `--name 30`, the last one said; None if it is not said, or is no number."""
    found: str | None = None
    for index, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if name in names:
            found = value if equals else "".join(argv[index + 1 : index + 2])
    try:
        return float(found) if found else None
    except ValueError:
        return None


def _risk(what: str, fix: str) -> Finding:
    return Finding(weight=Weight.RISK, about=f"timeouts {what}", what=what, fix=fix)
