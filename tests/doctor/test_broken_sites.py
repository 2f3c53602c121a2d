"""Sites that are broken, each for real: the doctor names the cause in the first three lines that he prints."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from socket import create_server

import pytest

from procession.recorder.reading.history import Wanted, read_events
from tests.backends.serving import free_port
from tests.console.project import Project, await_true
from tests.doctor.memory import MemoryGroup
from tests.e2e.site import make_site, write_settings
from tests.faults.disk import Disk

SLEEPING = 'PRODUCTION_PROCESSES = {"tick": {"COMMAND": "sleep 1000"}}\n'
AUTH = 'INSTALLED_APPS += ["django.contrib.auth", "django.contrib.contenttypes"]\n'
POSTGRES = """
DATABASES = {{"default": {{
    "ENGINE": "django.db.backends.postgresql", "HOST": "{host}", "PORT": "{port}", "NAME": "site", "USER": "site",
    "PASSWORD": "{password}",
}}}}
"""
SQLITE = 'DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "{path}"}}}}\n'
WEB = 'PRODUCTION_PROCESSES = {{"web": {{"BACKEND": "gunicorn", "ARGS": {{"bind": "127.0.0.1:{port}"}}{more}}}}}\n'
GREEDY = "heap = []\nwhile True:\n    heap.append(bytearray(b'x') * 2**20)\n"


def head(project: Project, *arguments: str) -> str:
    """The first three lines of what the doctor says; and he says that something is wrong."""
    ended = project.run("doctor", *arguments)
    assert ended.code == 1, ended
    return "\n".join(ended.out.splitlines()[:3])


def has_died(project: Project, name: str, times: int) -> bool:
    """By the history, which is written a moment after it has happened."""
    try:
        events = read_events(str(project.stack_directory), Wanted(names=[name]))
    except (OSError, sqlite3.Error):
        return False  # it is only beginning
    return sum(event.kind == "exited" for event in events) >= times


def crash_loop(project: Project, command: str, more: str = "") -> None:
    """A site whose one process runs this, and dies of it again and again."""
    declared = f'{{"job": {{"COMMAND": {["sh", "-c", command]!r}, "BACKOFF": {{"first": "10ms"}}{more}}}}}'
    make_site(project, f"PRODUCTION_PROCESSES = {declared}\n")
    project.run("up", "-d", "--no-wait")
    await_true(lambda: has_died(project, "job.1", 3), "it dies three times in a row")


def test_a_port_that_is_taken_and_by_whom(project: Project) -> None:
    port = free_port()
    make_site(project, WEB.format(port=port, more=""))
    with create_server(("127.0.0.1", port)):
        assert project.run("up", "-d").code == 1
        assert f"port taken: 127.0.0.1:{port} is in use by pid {os.getpid()} (" in head(project)
        project.ok("down")
        assert f"port taken: 127.0.0.1:{port} is in use by pid {os.getpid()} (" in head(project)


def test_an_import_that_fails_in_the_urls(project: Project) -> None:
    make_site(project, WEB.format(port=free_port(), more=""))
    (project.directory / "myproject" / "urls.py").write_text("import no_such_library\n")
    said = head(project)
    assert 'the site imports "no_such_library", which this Python does not have' in said
    assert "-m pip install no_such_library" in said
    assert "myproject/urls.py:1" in said


def test_settings_that_want_a_secret_which_is_not_set(project: Project) -> None:
    make_site(project, f'import os\nSECRET_KEY = os.environ["SITE_SECRET"]\n{SLEEPING}')
    assert "the environment variable SITE_SECRET is not set" in head(project)


def test_an_env_file_that_is_not_there(project: Project) -> None:
    make_site(project, 'PRODUCTION_PROCESSES = {"tick": {"COMMAND": "sleep 1000", "ENV_FILE": "site.env"}}\n')
    assert f"tick.env_file: there is no such file: {project.directory}/site.env" in head(project)


def test_a_settings_module_that_is_not_there(project: Project) -> None:
    make_site(project, SLEEPING)
    manage = project.directory / "manage.py"
    manage.write_text(manage.read_text().replace("myproject.settings", "myproject.setings"))
    assert "DJANGO_SETTINGS_MODULE is myproject.setings, and there is no such module" in head(project)


def test_a_virtual_environment_that_is_gone(project: Project) -> None:
    environment = project.directory / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    command = "\".venv/bin/python -c 'import time; time.sleep(1000)'\""
    make_site(project, f'PRODUCTION_PROCESSES = {{"tick": {{"COMMAND": {command}}}}}\n')
    project.ok("up", "-d")
    shutil.rmtree(environment)
    project.run("restart", "tick", "--no-wait")
    assert f"the virtual environment {environment} is not there" in head(project)


def test_a_password_that_the_database_refuses(project: Project, postgres: str) -> None:
    make_site(project, POSTGRES.format(host=postgres, port="", password="wrong") + SLEEPING)
    said = head(project)
    assert 'the database refuses the password of user "site"' in said
    assert 'DATABASES["default"]["PASSWORD"]' in said
    assert "wrong" not in project.run("doctor").out, "no password is printed"


def test_a_database_that_is_down(project: Project) -> None:
    port = free_port()
    make_site(project, POSTGRES.format(host="127.0.0.1", port=port, password="right") + SLEEPING)
    assert f"the database is down: nobody listens at 127.0.0.1:{port}" in head(project)


def test_migrations_that_are_not_applied(project: Project, postgres: str) -> None:
    make_site(project, POSTGRES.format(host=postgres, port="", password="right") + AUTH + SLEEPING)
    project.ok("up", "-d")
    said = head(project)
    assert "migrations are not applied: the database does not have " in said
    assert "manage.py migrate" in said


def test_a_broker_that_cannot_be_reached(project: Project) -> None:
    port = free_port()
    make_site(project, 'PRODUCTION_PROCESSES = {"worker": {"BACKEND": "celery-worker", "APP": "myproject.celery"}}\n')
    celery = project.directory / "myproject" / "celery.py"
    celery.write_text(celery.read_text().replace('"filesystem://"', f'"redis://127.0.0.1:{port}/0"'))
    celery.write_text(celery.read_text().replace("app.conf.broker_transport_options", "options"))
    assert f"the broker is down: nobody listens at 127.0.0.1:{port}" in head(project)


def test_a_host_that_is_not_allowed(project: Project) -> None:
    port = free_port()
    more = ', "READINESS": {"path": "/", "within": "1m"}'
    middleware = 'MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]\n'
    make_site(project, f'{WEB.format(port=port, more=more)}ALLOWED_HOSTS = ["example.com"]\n{middleware}')
    project.run("up", "-d", "--no-wait")
    await_true(lambda: "400" in project.instance("web.1")["why"], "the probe is refused")
    said = head(project)
    assert "web: ALLOWED_HOSTS does not have 127.0.0.1, as its probe GET / says: it gets 400" in said
    assert '"HOST": "example.com"' in said


def test_a_program_that_runs_out_of_memory(project: Project) -> None:
    (project.directory / "greedy.py").write_text(GREEDY)
    crash_loop(project, f"ulimit -v 100000; exec {sys.executable} greedy.py")
    assert "job.1: it runs out of memory" in head(project)


def test_a_program_that_the_kernel_kills_for_its_memory(project: Project, group: MemoryGroup) -> None:
    (project.directory / "greedy.py").write_text(GREEDY)
    crash_loop(project, group.entered(f"{sys.executable} greedy.py"))
    assert "job.1: out of memory: killed by " in head(project)
    project.ok("down")


DIES_FIVE_TIMES = "echo >> lives; test $(wc -l < lives) -gt 5 || exit 3; exec sleep 1000"


def test_one_that_is_ready_now_and_has_died_all_the_time_before(project: Project) -> None:
    declared = f'{{"job": {{"COMMAND": {["sh", "-c", DIES_FIVE_TIMES]!r}, "BACKOFF": {{"first": "10ms"}}}}}}'
    make_site(project, f"PRODUCTION_PROCESSES = {declared}\n")
    project.run("up", "-d", "--no-wait")
    await_true(lambda: has_died(project, "job.1", 5), "it has died five times")
    await_true(lambda: project.instance("job.1")["phase"] == "ready", "it runs for the sixth time")
    assert "job.1: keeps restarting: exited with 3, 5 times in 10 min" in head(project)


def test_a_crash_loop_with_its_last_words(project: Project) -> None:
    crash_loop(project, "echo the licence has run out; exit 3")
    said = head(project)
    assert "exited with 3" in said
    assert "the licence has run out" in said


@pytest.mark.root
def test_a_disk_that_is_full(small_disk: Disk) -> None:
    project = Project(small_disk.folder / "site")
    try:
        make_site(project, SLEEPING)
        project.ok("up", "-d")
        small_disk.fill()
        assert f"disk full: nothing more fits on {small_disk.folder}" in head(project)
    finally:
        small_disk.make_room()
        project.end()


def test_a_site_that_is_well_has_nothing(project: Project, postgres: str) -> None:
    make_site(project, POSTGRES.format(host=postgres, port="", password="right") + SLEEPING)
    project.ok("up", "-d")
    ended = project.ok("doctor")
    assert ended.out.startswith("Nothing is wrong: 1 instance as it should be.\n")


def test_one_process_is_asked_about_with_what_it_depends_on(project: Project) -> None:
    make_site(
        project,
        'PRODUCTION_PROCESSES = {"web": {"COMMAND": "sleep 1000", "DEPENDS_ON": ["migrate"]},\n'
        ' "migrate": {"COMMAND": ["sh", "-c", "echo no tables today; exit 4"], "TYPE": "task"},\n'
        ' "other": {"COMMAND": "./none.sh"}}\n',
    )
    (project.directory / "none.sh").write_text("#!/bin/sh\nexec sleep 1000\n")
    (project.directory / "none.sh").chmod(0o755)
    project.run("up", "-d")
    (project.directory / "none.sh").unlink()
    assert "migrate.1: failed: exited with 4" in head(project, "web")
    assert "none.sh" not in project.run("doctor", "web").out
    assert "there is no such program" in head(project, "other")
    assert project.run("doctor", "wbe").code == 2
    project.ok("down")
    assert 'did you mean "web"?' in project.run("doctor", "wbe", "--no-site").err


def test_a_broken_declaration_is_no_cause_of_what_runs(project: Project) -> None:
    make_site(project, SLEEPING)
    project.ok("up", "-d")
    write_settings(project, 'PRODUCTION_PROCESSES = {"tick": {"COMMAND": "sleep 1000", "REPLICS": 2}}\n')
    ended = project.ok("doctor")
    assert ended.out.startswith("Nothing is wrong")
    assert "tick.replics: is no key that Procession knows" in ended.out


def test_what_is_set_in_this_shell_alone_is_not_set_for_the_site(project: Project, tmp_path: Path) -> None:
    make_site(project, f"import os\n{SLEEPING}")
    project.ok("up", "-d")
    write_settings(project, f'import os\nSECRET_KEY = os.environ["SITE_SECRET"]\n{SLEEPING}')
    ended = project.run("doctor", environment={"SITE_SECRET": "x"})
    assert "the environment variable SITE_SECRET is not set" in ended.out
