"""Whether the broker of a task runner can be reached: asked through the runner's own client, as its tasks would be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from django.conf import settings

from procession.stack.hidden import hide_in_text

CELERY = "celery"
IN_MEMORY = ("memory", "")  # a broker that only this process has


def brokers(timeout_seconds: float) -> Mapping[str, Callable[[], object]]:
    """A question for each task runner that the site has; each raises what its client raises."""
    found = {f"broker.{name}": ask for app, (name, ask) in RUNNERS.items() if app in settings.INSTALLED_APPS}
    found |= {f"broker.{CELERY}": partial(_ask_celery, app, timeout_seconds) for app in celery_apps()}
    return found if len(found) != 1 else {"broker": next(iter(found.values()))}


def celery_address(app: Any) -> str:
    """Where its broker is, without the password; "" where it is in memory."""
    connection = app.connection_for_write()
    return "" if connection.transport_cls in IN_MEMORY else hide_in_text(connection.as_uri(include_password=True))


def celery_apps() -> Iterator[Any]:
    """The applications that the declaration names; else those that the site has made while it was loaded."""
    names = list(dict.fromkeys(_declared_apps()))
    if names:
        find_app = import_module("celery.app.utils").find_app
        found = [find_app(name) for name in names]
    else:
        found = _active_apps()
    yield from (app for app in found if celery_address(app))


def _declared_apps() -> Iterator[str]:
    processes = getattr(settings, "PRODUCTION_PROCESSES", None) or {}
    for declared in processes.values() if isinstance(processes, Mapping) else ():
        said = {str(key).upper(): value for key, value in declared.items()} if isinstance(declared, Mapping) else {}
        if str(said.get("BACKEND", "")).startswith(CELERY) and said.get("APP"):
            yield str(said["APP"])


def _active_apps() -> list[Any]:
    """Celery's own register of them: its `current_app` is the wrong one in another thread than the importing one."""
    import sys

    state = sys.modules.get("celery._state")
    apps: tuple[Any, ...] = getattr(state, "_get_active_apps", tuple)()
    return [app for app in apps if app.main != "default" and app.conf.broker_url]


def _ask_celery(app: Any, timeout_seconds: float) -> None:
    with app.connection_for_write(connect_timeout=timeout_seconds) as connection:
        connection.connect()


def _ask_rq() -> None:
    queues = import_module("django_rq")
    for name in settings.RQ_QUEUES:
        queues.get_connection(name).ping()


def _ask_huey() -> None:
    """Its other storages are files, which the disk answers for."""
    storage = import_module("huey.contrib.djhuey").HUEY.storage
    if hasattr(storage, "conn") and hasattr(storage.conn, "ping"):
        storage.conn.ping()


def _ask_dramatiq() -> None:
    broker = import_module("dramatiq").get_broker()
    if hasattr(broker, "client"):
        broker.client.ping()
    elif hasattr(broker, "connection"):
        _ = broker.connection.is_open  # of RabbitMQ's: it connects when it is asked for


def _ask_q2() -> None:
    import_module("django_q.brokers").get_broker().ping()


RUNNERS: Mapping[str, tuple[str, Callable[[], None]]] = {
    "django_rq": ("rq", _ask_rq),
    "huey.contrib.djhuey": ("huey", _ask_huey),
    "django_dramatiq": ("dramatiq", _ask_dramatiq),
    "django_q": ("django-q2", _ask_q2),
}
