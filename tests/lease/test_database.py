"""The lease in a real PostgreSQL: the table that is made, hosts that race for it, migrations one after the other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.console.project import Project
from tests.e2e.site import MANAGE
from tests.lease.beats import Notebook, now, until
from tests.servers import kill_postgres, start_postgres

TAKEOVER_SECONDS = 30.0  # 8 s to be sure, and what a slow machine adds; the order is what counts
SETTINGS = """
SECRET_KEY = "x"
USE_TZ = True
INSTALLED_APPS = ["procession", "shop"]
POSTGRES = "django.db.backends.postgresql"
DATABASES = {{"default": dict(ENGINE=POSTGRES, NAME={name!r}, HOST={host!r}, USER={user!r})}}
PRODUCTION_STACK = {{"LEASE": "database"}}
PRODUCTION_PROCESSES = {processes!r}
"""
MIGRATION = """
import time
from django.db import migrations
def note(word):
    with open({file!r}, "a") as file:
        file.write(word + "\\n")
def run(apps, schema_editor):
    note("begin")
    time.sleep(0.5)  # long enough that a second one would begin meanwhile
    note("end")
class Migration(migrations.Migration):
    dependencies = []
    operations = [migrations.RunPython(run, migrations.RunPython.noop)]
"""
RACE = """
import sys
from django.conf import settings
POSTGRES = "django.db.backends.postgresql"
settings.configure(DATABASES={{"default": dict(ENGINE=POSTGRES, NAME={name!r}, HOST={host!r}, USER={user!r})}})
from procession.django.lease import Database
store = Database()
sys.stdin.readline()
print(store.exchange("beat", None, sys.argv[1]))
"""


class Hosts:
    """Projects that stand for hosts: each with its own directory and its own locks, all with one database."""

    def __init__(self, folder: Path, database: Mapping[str, str]) -> None:
        self.folder = folder
        self.database = database
        self.notebook = Notebook(folder / "notebook")
        self.migrations = folder / "migrations"

    def make(self, name: str, processes: Mapping[str, object]) -> Project:
        project = Host(self.folder / name)
        package = project.directory / "shop"
        (package / "migrations").mkdir(parents=True)
        for path in (package / "__init__.py", package / "migrations" / "__init__.py"):
            path.write_text("")
        (package / "migrations" / "0001_first.py").write_text(MIGRATION.format(file=str(self.migrations)))
        (project.directory / "manage.py").write_text(MANAGE.replace("myproject", "shop"))
        (package / "settings.py").write_text(SETTINGS.format(processes=processes, **self.database))
        return project

    def connect(self) -> psycopg.Connection:
        name, host, user = (self.database[key] for key in ("name", "host", "user"))
        return psycopg.connect(host=host, user=user, dbname=name, autocommit=True)

    def record(self) -> str:
        with self.connect() as connection:
            [[record]] = connection.execute("SELECT record FROM procession_lease").fetchall()
        return str(record)

    def site(self, name: str) -> Project:
        beat = {"COMMAND": list(self.notebook.program(name)), "SINGLETON": True}
        return self.make(name, {"beat": beat})


class Host(Project):
    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return super().environment({"PROCESSION_LOCKS": str(self.directory / "locks"), **(more or {})})


@pytest.fixture
def hosts(tmp_path: Path, postgres: tuple[str, str]) -> Iterator[Hosts]:
    """Hosts of a site whose database is new and empty."""
    host, user = postgres
    name = f"shop_{uuid4().hex}"
    with psycopg.connect(host=host, user=user, dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield Hosts(tmp_path, {"name": name, "host": host, "user": user})
    with psycopg.connect(host=host, user=user, dbname="postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_of_many_that_make_the_table_and_take_the_lease_at_once_one_has_it(hosts: Hosts) -> None:
    with ExitStack() as stack:
        racers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", RACE.format(**hosts.database), str(number)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for number in range(5)
        ]
        for racer in racers:
            assert racer.stdin
            racer.stdin.write("\n")
            racer.stdin.flush()
        said = {racer.communicate()[0] for racer in racers}
    assert len(said) == 1
    assert said <= {f"{number}\n" for number in range(5)}


def test_one_beat_on_two_hosts(hosts: Hosts) -> None:
    one, two = hosts.site("one"), hosts.site("two")
    try:
        one.ok("up", "--detach")
        hosts.notebook.await_beats(1)
        two.ok("up", "--detach")
        view = two.instance("beat.1")
        assert (view["phase"], view["why"].partition(" (pid")[0]) == ("standby", stands_by())
        assert two.run("status").code == 0
        one.ok("stop", "beat")
        until(lambda: hosts.notebook.beats()[-1].host == "two", "two does not take over")
        until(lambda: two.instance("beat.1")["phase"] == "ready", "two is not ready")
        one.ok("start", "beat")
        until(lambda: one.instance("beat.1")["phase"] == "standby", "one does not stand by")
        killed = now()
        for pid in two.members():
            kill(pid)
        beats = hosts.notebook.await_beats(3)
        assert [beat.host for beat in beats] == ["one", "two", "one"]
        assert beats[2].first - killed < TAKEOVER_SECONDS
        print(
            f"took over {beats[1].first - beats[0].last:.2f} s after a stop, {beats[2].first - killed:.2f} s after kill"
        )
        hosts.notebook.check()
    finally:
        one.end()
        two.end()


def test_a_command_under_a_lease_in_the_database_of_the_manage_py_that_is_there(hosts: Hosts) -> None:
    asks = [sys.executable, "manage.py", "shell", "-c", "from procession.django.lease import holds; print(holds())"]
    site = hosts.make("one", {})
    manage = site.directory / "manage.py"
    manage.write_text("import os\nos.environ['SHOP'] = 'set before Django'\n" + manage.read_text())
    settings = site.directory / "shop" / "settings.py"
    settings.write_text("import os\nassert os.environ['SHOP']\n" + settings.read_text())
    ended = site.run("lease", "--name", "shop/x", "--in", "database", "--once", "--", *asks)
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "True"), ended


def end_connections(hosts: Hosts) -> None:
    """As an administrator does, or a proxy that is restarted."""
    with hosts.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def restart_server(hosts: Hosts) -> None:
    kill_postgres(hosts.database["host"])
    start_postgres(hosts.database["host"])


@pytest.mark.parametrize("interrupt", [end_connections, restart_server])
def test_a_database_that_is_gone_for_a_moment(hosts: Hosts, interrupt: Callable[[Hosts], None]) -> None:
    """The holder goes on, if the machine is not too slow for that; else it ends in order, and another begins."""
    one, two = hosts.site("one"), hosts.site("two")
    try:
        for site in (one, two):
            site.ok("up", "--detach")
            hosts.notebook.await_beats(1)
        interrupt(hosts)
        record, before = hosts.record(), now()
        until(lambda: hosts.record() != record, "nobody renews it any more")
        until(lambda: hosts.notebook.beats()[-1].last > before, "nobody beats any more")
        until(lambda: {site.instance("beat.1")["phase"] for site in (one, two)} == {"ready", "standby"}, "no order")
        hosts.notebook.check()
        print(f"{len(hosts.notebook.beats())} lives after {interrupt.__name__}")
    finally:
        one.end()
        two.end()


def test_two_hosts_migrate_one_after_the_other(hosts: Hosts) -> None:
    processes = {"migrate": {"BACKEND": "manage", "COMMAND": "migrate"}}
    both = [hosts.make(name, processes) for name in ("one", "two")]
    ups = [
        subprocess.Popen(
            [*project.command, "up", "--detach"], cwd=project.directory, env=project.environment(), stderr=-1, text=True
        )
        for project in both
    ]
    try:
        said = [up.communicate(timeout=60)[1] for up in ups]
        assert [up.returncode for up in ups] == [0, 0], said
        assert hosts.migrations.read_text().split() == ["begin", "end"], "the second one found it done"
        waits = [project.run("events", "--json").out for project in both]
        assert sum("holds the lease" in text for text in waits) == 1, waits
    finally:
        for project in both:
            project.end()


def test_a_release_task_whose_database_cannot_be_reached_fails_and_says_why(hosts: Hosts) -> None:
    """Nobody waits for ever, and the old instances go on."""
    lease = [sys.executable, "-m", "procession.django.lease", "--project", ".", "--name", "x", "--in", "database"]
    migrate = {"COMMAND": [*lease, "--once", "--try", "0.5", "--", "true"], "TYPE": "task", "LEASE": ""}
    processes: dict[str, object] = {"web": {"COMMAND": list(hosts.notebook.program("one"))}, "migrate": migrate}
    site = hosts.make("one", processes)
    try:
        site.ok("up", "--detach")
        [beat] = hosts.notebook.await_beats(1)
        settings = site.directory / "shop" / "settings.py"
        settings.write_text(settings.read_text() + "DATABASES['default'] |= dict(HOST='127.0.0.1', PORT=1)\n")
        up = site.run("up", "--detach")
        assert up.code == 1, up
        assert "cannot ask the database at 127.0.0.1:1: connection failed" in up.err, up
        assert "tried for 0.5 s to take the lease x" in up.err, up
        assert site.instance("web.1")["pid"] == beat.pid
    finally:
        site.end()


def stands_by() -> str:
    import os

    return f"stands by: {os.uname().nodename}"


def kill(pid: int) -> None:
    import os

    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        pass
