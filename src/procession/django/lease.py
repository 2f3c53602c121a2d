"""A lease in the site's own database; and for the site's code, whether the lease that it runs under still holds.

    python -m procession.django.lease --name site/beat --in database -- celery -A site beat

Django's connection is used, and no more of Django: no app is loaded, so this weighs a fraction of the site. The
settings are those that the manage.py of --project names, or DJANGO_SETTINGS_MODULE.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from contextlib import closing
from functools import cache, partial
from typing import TYPE_CHECKING, Final

from procession.lease.contest import Terms
from procession.lease.holder import Holder, Ticket, exit_as
from procession.lease.record import RECORD_CHARACTERS_MAX, read
from procession.lease.redis import Redis
from procession.lease.store import DATABASE, LEASE_IN, LEASE_NAME, LEASE_TOKEN, Store, StoreError
from procession.lease.usage import EXIT_USAGE, NAME_CHARACTERS_MAX, read_arguments
from procession.supervisor.linux import kernel

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

TABLE: Final = "procession_lease"
CREATE: Final = (
    f"CREATE TABLE IF NOT EXISTS {TABLE}"
    f" (name varchar({NAME_CHARACTERS_MAX}) NOT NULL PRIMARY KEY, record varchar({RECORD_CHARACTERS_MAX}) NOT NULL)"
)
CONNECT_SECONDS: Final = 3
OPTIONS: Final = {  # so that a network that is gone is noticed; where the site says otherwise, that holds
    "postgresql": {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": CONNECT_SECONDS * 1000},
    "mysql": {"connect_timeout": CONNECT_SECONDS, "read_timeout": CONNECT_SECONDS, "write_timeout": CONNECT_SECONDS},
    "sqlite": {"timeout": CONNECT_SECONDS},
}


class Database:
    """The table `procession_lease` in the default database of the settings, made where it is missing.

    Each statement is its own transaction, and an UPDATE that names the old text is the compare-and-set. A connection
    belongs to the thread that opened it.
    """

    def __init__(self, project: str = "") -> None:
        """`project` is the directory of a manage.py that has not run yet; "" where Django is set up.

        It is run, up to where Django takes over: it may read an env file, or extend sys.path, as the site expects.
        Raises StoreError if the settings do not import.
        """
        try:
            _open_project(project)
            self._connection = _connection()
            if project:
                kernel.trim_memory()  # 3 MB, that importing Django took and left
        except BaseException as error:
            raise StoreError(f"the settings do not import: {type(error).__name__}: {error}") from error

    def read(self, name: str) -> str | None:
        return self._try(lambda: self._read(name))

    def exchange(self, name: str, old: str | None, new: str) -> str | None:
        return self._try(lambda: self._exchange(name, old, new))

    def where(self) -> str:
        """Django's backends do not all name the host in their errors."""
        said = self._connection.settings_dict
        place = f"{said['HOST']}:{said['PORT']}" if said["PORT"] else said["HOST"]
        return f"the database at {place}" if place else "the database"

    def close(self) -> None:
        self._connection.close()

    def _try(self, call: Callable[[], str | None]) -> str | None:
        try:
            return self._with_table(call)
        except Exception as error:
            self._connection.close()  # the next call gets a new one
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise StoreError(f"cannot ask {self.where()}: {lines[0]}") from error

    def _with_table(self, call: Callable[[], str | None]) -> str | None:
        from django.db import Error, OperationalError, ProgrammingError

        missing = OperationalError if self._connection.vendor == "sqlite" else ProgrammingError
        try:
            return call()
        except missing:
            self._connection.close()
        refused = self._create()
        try:
            return call()
        except Error as error:
            raise refused or error from error

    def _create(self) -> Exception | None:
        """What the database had against it: two at once, which PostgreSQL does not take well; or we may not."""
        from django.db import Error

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(CREATE)
        except Error as error:
            self._connection.close()
            return error
        return None

    def _read(self, name: str) -> str | None:
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT record FROM {TABLE} WHERE name = %s", [name])
            row = cursor.fetchone()
        return str(row[0]) if row else None

    def _exchange(self, name: str, old: str | None, new: str) -> str | None:
        from django.db import IntegrityError

        with self._connection.cursor() as cursor:
            if old is not None:
                cursor.execute(f"UPDATE {TABLE} SET record = %s WHERE name = %s AND record = %s", [new, name, old])
            else:
                try:
                    cursor.execute(f"INSERT INTO {TABLE} (name, record) VALUES (%s, %s)", [name, new])
                except IntegrityError:
                    pass  # another was first
        return self._read(name)


def holds() -> bool:
    """Whether the lease that this process runs under still is its own: to be asked before what must not happen twice.

    Asks the store, now. True where there is no lease; False where the store cannot be asked, or another has it.
    """
    name, token = os.environ.get(LEASE_NAME), os.environ.get(LEASE_TOKEN)
    if not name or not token:
        return True
    try:
        with closing(_open(os.environ.get(LEASE_IN, ""))()) as store:
            text = store.read(name)
    except StoreError:
        return False
    record = read(text) if text else None
    return record is not None and bool(record.holder) and str(record.token) == token


def _open(store: str, project: str = "") -> Callable[[], Store]:
    return partial(Database, project) if store == DATABASE else partial(Redis, store)


@cache
def _open_project(project: str) -> None:
    """Once, if that goes well: what follows finds the settings imported."""
    if not project:
        return
    if project not in sys.path:
        sys.path.insert(0, project)
    manage = os.path.join(project, "manage.py")
    if os.path.exists(manage):
        from procession.django.site import run_to_handover

        run_to_handover(manage)


def _connection() -> BaseDatabaseWrapper:
    """A connection of our own: in a site that is in the middle of a transaction, we are not part of that."""
    from django.db import connections

    connection = connections["default"].copy()
    options = connection.settings_dict["OPTIONS"] = dict(connection.settings_dict.get("OPTIONS") or {})
    options |= {**OPTIONS.get(connection.vendor, {}), **options}
    connection.settings_dict["ATOMIC_REQUESTS"] = False
    return connection


def main() -> None:
    wanted = read_arguments(sys.argv[1:])
    if isinstance(wanted, str):
        print(f"procession: lease: {wanted}", file=sys.stderr)
        sys.exit(EXIT_USAGE)
    wanted.tell_child()
    warnings.simplefilter("ignore", RuntimeWarning)  # Django's, that no app is loaded: none will be
    ticket = Ticket(
        name=wanted.name,
        argv=wanted.argv,
        open_store=_open(wanted.store, wanted.project),
        terms=Terms(patience_seconds=0.0) if wanted.store == DATABASE else Terms(),
        is_fenced=not wanted.is_task,
        try_seconds=wanted.try_seconds,
    )
    exit_as(Holder(ticket).run())


if __name__ == "__main__":
    main()
