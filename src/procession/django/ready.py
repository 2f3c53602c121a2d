"""Telling the supervisor that this instance is ready, from inside the program, once the site's code is loaded.

Only an instance of a supervisor does anything here. Three variables say so:

- PROCESSION_NOTIFY: the path of a unix datagram socket; a leading @ stands for an abstract name. `file:PATH` is a file
  to write instead: a container's health check looks for it
- PROCESSION_INSTANCE: the instance's name, "web.1"
- PROCESSION_READY: what "ready" means in this program, a key of HOOKS; a web server if its backend does not set it

What is told is one datagram in the words of sd_notify(3): READY=1 and INSTANCE=web.1. A program that forks may tell it
once in each child: it is the same news.

This runs in every process of the site, so nothing here may break or delay it: what goes wrong is one line on stderr.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Final

from procession.django.importing import after_import
from procession.django.methods import after_first

NOTIFY: Final = "PROCESSION_NOTIFY"
INSTANCE: Final = "PROCESSION_INSTANCE"
READY: Final = "PROCESSION_READY"
TOLD: Final = "told"
FILE: Final = "file:"  # of PROCESSION_NOTIFY


def tell_when_ready() -> None:
    """Arrange that the supervisor is told; called at the end of django.setup(). Never raises, never waits."""
    kind = os.environ.get(READY, "app")
    if kind == TOLD or NOTIFY not in os.environ:
        return
    try:
        HOOKS.get(kind, tell)()
    except Exception as error:  # noqa: BLE001 - other people's programs: a renamed class must not stop the site
        complain(f"cannot see when {kind} is ready ({error!r}), so it counts as ready now")
        tell()


def tell() -> None:
    """Say READY=1 to the supervisor; a command that this process starts (a task's `manage.py ...`) will not say it."""
    words = f"READY=1\nINSTANCE={os.environ.get(INSTANCE, '')}"
    os.environ[READY] = TOLD
    try:
        send(os.environ[NOTIFY], words.encode())
    except (OSError, KeyError) as error:
        complain(f"cannot tell that it is ready: {error!r}")


def send(path: str, datagram: bytes) -> None:
    """To whoever runs us, at the address in PROCESSION_NOTIFY. Never waits. Raises OSError."""
    if path.startswith(FILE):
        with open(path.removeprefix(FILE), "wb") as file:
            file.write(datagram)
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.setblocking(False)  # With a full queue the supervisor is stuck: that must not become ours.
        sock.sendto(datagram, address)


def complain(what: str) -> None:
    """One line on stderr, with the instance's name."""
    print(f"procession: {os.environ.get(INSTANCE, 'instance')}: {what}", file=sys.stderr, flush=True)


def _after(module: str, owner: str, method: str) -> Callable[[], None]:
    """A hook: tell when that method first returns. For programs that have no hook of their own at the right moment."""

    def arrange() -> None:
        after_first(getattr(import_module(module), owner), method, tell)

    return arrange


def _after_handler() -> None:
    """A web server is ready when its WSGI or ASGI handler has loaded the middleware, wsgi.py has been imported to its
    last line, and the urls can be imported.

    ready() itself would be too early: a site with a broken middleware or urls.py gets past it and serves nothing.
    """
    from django.core.handlers.base import BaseHandler

    after_first(BaseHandler, "load_middleware", partial(after_import, _tell_if_urls_load))


def _tell_if_urls_load() -> None:
    """Load the root urlconf now, which the first request would have waited for, and tell if that went well."""
    from django.urls import get_resolver

    try:
        _ = get_resolver().url_patterns
    except Exception as error:  # noqa: BLE001 - the site's code; each request will say the same, with its traceback
        complain(f"is not ready: its urls cannot be loaded: {error!r}")
    else:
        tell()


def _celery_signal(name: str) -> Callable[[], None]:
    """A hook: tell when Celery sends that signal."""

    def arrange() -> None:
        signal = getattr(import_module("celery.signals"), name)
        signal.connect(_heard, weak=False)

    return arrange


def _heard(**_said: object) -> None:
    """What Celery's signals call; their arguments do not matter here."""
    tell()


HOOKS: Final[dict[str, Callable[[], None]]] = {
    "app": _after_handler,
    "command": tell,
    # Connected to its broker, pool forked.
    "celery-worker": _celery_signal("worker_ready"),
    "celery-beat": _celery_signal("beat_init"),
    # The others have no hook that comes after their signal handlers are set, and before that a stop would be a kill.
    "django-tasks-db": _after("django_tasks_db.management.commands.db_worker", "Worker", "configure_signals"),
    "django-q2": _after("django_q.cluster", "Cluster", "start"),
    "huey": _after("huey.consumer", "Consumer", "start"),
    "dramatiq": _after("dramatiq.worker", "Worker", "start"),
    "rq": _after("rq.worker", "BaseWorker", "run_maintenance_tasks"),  # the last thing before its first dequeue
    "rq-cron": _after("rq.cron", "CronScheduler", "register_birth"),
    "procrastinate": _after("procrastinate.worker", "Worker", "_fetch_and_process_jobs"),
}
