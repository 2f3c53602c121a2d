"""What can be asked of a site: each question is a function that raises what is wrong. It runs in a thread of its own.

Each takes a connection of its own and gives it back: a database that has room for no more is not ready, whatever the
connections that are open already can do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from django.conf import settings
from django.core.cache import caches
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.module_loading import import_string

from procession.django.health.brokers import brokers

Check = Callable[[], object]

NAMES_MAX = 3  # of migrations that are not applied
MEMORY = ":memory:"
KEPT_SECONDS = 10
NO_CACHE = "django.core.cache.backends.dummy.DummyCache"
NO_DATABASE = "django.db.backends.dummy"


class NotSo(Exception):
    """A question was answered, and the answer is no; the text says why."""


def chosen(names: Iterable[str], timeout_seconds: float) -> dict[str, Check]:
    """The questions of these names (see `options.CHECKS`), each under the name that its answer has.

    `timeout_seconds` is for those that can be told how long to wait. Raises ImportError for a dotted path that leads
    nowhere.
    """
    found: dict[str, Check] = {}
    for name in names:
        found |= KINDS[name](timeout_seconds) if name in KINDS else {name: import_string(name)}
    return found


def _databases(_timeout_seconds: float) -> Mapping[str, Check]:
    return {_named("database", alias): partial(ask_database, alias) for alias in _real_databases()}


def _caches(_timeout_seconds: float) -> Mapping[str, Check]:
    real = [alias for alias in settings.CACHES if settings.CACHES[alias]["BACKEND"] != NO_CACHE]
    return {_named("cache", alias): partial(ask_cache, alias) for alias in real}


def _migrations(_timeout_seconds: float) -> Mapping[str, Check]:
    return {"migrations": Migrations()} if DEFAULT_DB_ALIAS in _real_databases() else {}


KINDS: Mapping[str, Callable[[float], Mapping[str, Check]]] = {
    "database": _databases,
    "cache": _caches,
    "migrations": _migrations,
    "broker": brokers,
}


def ask_database(alias: str) -> None:
    """A connection can be had, and answers. Raises the database's own error."""
    connection = connections[alias]
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and MEMORY not in name and "mode=memory" not in name and not os.path.exists(name):
        raise NotSo(f"there is no such file: {name}")  # to connect would make an empty one
    try:
        connection.ensure_connection()
        if not connection.is_usable():
            raise NotSo("it took a connection, and does not answer")
    finally:
        connection.close()


def ask_cache(alias: str) -> None:
    """What is put in comes out again: a cache may swallow its own errors."""
    key, value = f"procession.health.{os.getpid()}", os.urandom(8).hex()
    try:
        caches[alias].set(key, value, KEPT_SECONDS)
        if caches[alias].get(key) != value:
            raise NotSo("what is put in does not come out again")
    finally:
        caches[alias].close()


class Migrations:
    """Whether all migrations are applied. Once they are, they stay so while this code runs: it asks no more."""

    __slots__ = ("_are_applied",)

    def __init__(self) -> None:
        self._are_applied = False

    def __call__(self) -> None:
        if self._are_applied:
            return
        missing = missing_migrations()
        if missing:
            more = f" and {len(missing) - NAMES_MAX} more" if len(missing) > NAMES_MAX else ""
            raise NotSo(f"not applied: {', '.join(missing[:NAMES_MAX])}{more}")
        self._are_applied = True


def missing_migrations() -> list[str]:
    """`["feeds.0002_entry"]`: those of the code that the default database does not have. Raises its errors."""
    from django.db.migrations.executor import MigrationExecutor  # here, because it loads every migration of the site

    connection = connections[DEFAULT_DB_ALIAS]
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
    finally:
        connection.close()


def _real_databases() -> list[str]:
    """Django makes a dummy of a site that has declared none."""
    return [alias for alias in connections if connections.settings[alias]["ENGINE"] != NO_DATABASE]


def _named(kind: str, alias: str) -> str:
    return kind if alias == "default" else f"{kind}.{alias}"
