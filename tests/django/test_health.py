"""The health endpoints, on real servers: before ALLOWED_HOSTS and redirects, in time, and one word for strangers."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from procession.django.health.options import read_options
from tests.backends.serving import free_port
from tests.console.project import COMMAND, await_true
from tests.django.conftest import MANAGE, WSGI, Project
from tests.servers import redis_server

SETTINGS = """\
SECRET_KEY = "x"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "procession", "health_check",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
MIDDLEWARE = [
    "procession.django.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "mysite.urls"
ALLOWED_HOSTS = ["example.com"]
SECURE_SSL_REDIRECT = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
"""
HEALTH_CHECK = """
from django.urls import path
from health_check.views import HealthCheckView

urlpatterns = [path("ht/", HealthCheckView.as_view(checks=["health_check.checks.Database"]))]
"""
ASGI = """\
from django.core.asgi import get_asgi_application

application = get_asgi_application()
"""
STAFF = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore

user = get_user_model().objects.create_user("operator", is_staff=True)
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print(session.session_key)
"""
GUNICORN = ("-m", "gunicorn", "mysite.wsgi", "--bind")
UVICORN = ("-m", "uvicorn", "mysite.asgi:application", "--port")


@dataclass(frozen=True)
class Server:
    port: int
    project: Project

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
        """The status, and the JSON of the answer ({} if it is none)."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as caller:
            lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
            caller.sendall(f"GET {path} HTTP/1.0\r\n{lines}\r\n".encode())
            data = b"".join(iter(lambda: caller.recv(65536), b""))
        head, _, body = data.partition(b"\r\n\r\n")
        try:
            return int(head.split()[1]), json.loads(body)
        except ValueError:
            return int(head.split()[1]), {}

    def health(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`procession health`, in an empty folder."""
        return subprocess.run(
            [*COMMAND, "-C", str(self.project.directory), "health", *options],
            env=self.project.environment(**environment), capture_output=True, text=True, check=False,
        )  # fmt: skip


def make(folder: Path, settings: str = "", **files: str) -> Project:
    project = Project(folder / "site")
    texts = {"urls": "urlpatterns = []\n", "wsgi": WSGI, "asgi": ASGI, "__init__": "", **files}
    project.write("manage.py", MANAGE)
    project.write("mysite/settings.py", SETTINGS + settings)
    for name, text in texts.items():
        project.write(f"mysite/{name}.py", text)
    return project


@contextmanager
def serving(project: Project, program: Sequence[str] = GUNICORN) -> Iterator[Server]:
    port = free_port()
    place = str(port) if program is UVICORN else f"127.0.0.1:{port}"
    with (project.directory / "log").open("wb") as log, subprocess.Popen(
        [sys.executable, *program, place], cwd=project.directory, stdout=log, stderr=log,
        env=project.environment(DJANGO_SETTINGS_MODULE="mysite.settings"),
    ) as process:  # fmt: skip
        await_true(lambda: process.poll() is not None or _listens(port), "it listens")
        assert process.poll() is None, (project.directory / "log").read_text()
        try:
            yield Server(port, project)
        finally:
            process.terminate()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def deaf() -> Iterator[tuple[int, list[socket.socket]]]:
    """A port where everybody is let in and nobody is answered: its number, and who came."""
    came: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            try:
                while True:
                    came.append(listener.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1], came
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for caller in came:
        caller.close()


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    project = make(tmp_path_factory.mktemp("well"), urls=HEALTH_CHECK)
    assert project.manage("migrate", "--verbosity", "0").returncode == 0
    with serving(project) as server:
        yield server


def test_it_is_answered_before_allowed_hosts_and_the_redirect_to_https(well: Server) -> None:
    assert well.get("/", Host="127.0.0.1")[0] in (301, 400)
    for host in ("127.0.0.1", "example.com", "evil.example", "not a host"):
        assert well.get("/-/live", Host=host) == (200, {"status": "live"})
        assert well.get("/-/ready", Host=host)[0] == 200


def test_details_are_for_this_machine_and_for_staff_alone(well: Server) -> None:
    checks = well.get("/-/ready")[1]["checks"]
    assert {name: check["status"] for name, check in checks.items()} == {
        "database": "ok",
        "cache": "ok",
        "migrations": "ok",
    }
    assert well.get("/-/ready", X_Forwarded_For="203.0.113.9") == (200, {"status": "ready"})
    assert "checks" not in well.get("/-/ready", Forwarded="for=127.0.0.1", Cookie="sessionid=none")[1]
    session = well.project.manage("shell", "-c", STAFF).stdout.split()[-1]
    assert "checks" in well.get("/-/ready", X_Forwarded_For="203.0.113.9", Cookie=f"sessionid={session}")[1]


def test_the_command_asks_it_where_it_is_told_to(well: Server) -> None:
    where = f"127.0.0.1:{well.port}"
    for told in (well.health(where), well.health(PROCESSION_HEALTH=where), well.health(PORT=str(well.port))):
        assert (told.returncode, told.stdout) == (0, "ready\n")
    assert well.health("--live", where).stdout == "live\n"
    nobody = well.health(f"127.0.0.1:{free_port()}")
    assert nobody.returncode == 1
    assert "Connection refused" in nobody.stderr
    assert well.health().returncode == 2


def test_it_works_beside_django_health_check_whose_page_may_be_asked_instead(well: Server) -> None:
    allowed = ("--host", "example.com", "--https")
    for where in ((f"127.0.0.1:{well.port}", "--path", "/ht/"), (f"http://127.0.0.1:{well.port}/ht/",)):
        assert well.health(*where, *allowed).stdout == "ready\n"
        assert well.health(*where).returncode == 1, "it is a page of the site, for which ALLOWED_HOSTS hold"


def test_what_is_wrong_is_said_and_migrations_are_waited_for(tmp_path: Path) -> None:
    project = make(tmp_path, 'CACHES = {"default": {"BACKEND": "mysite.cache.Forgetful"}}\n', cache=FORGETFUL)
    with serving(project) as server:
        status, said = server.get("/-/ready")
        assert (status, said["status"]) == (503, "unready")
        found = {name: check["status"] for name, check in said["checks"].items()}
        assert found["database"].startswith("there is no such file: ")
        assert found["cache"] == "what is put in does not come out again"
        assert found["migrations"].startswith("not applied: ")
        assert not (project.directory / "db.sqlite3").stat().st_size
        told = server.health(f"127.0.0.1:{server.port}")
        assert told.returncode == 1
        assert "cache: what is put in does not come out again" in told.stderr


FORGETFUL = """
from django.core.cache.backends.locmem import LocMemCache

class Forgetful(LocMemCache):
    def set(self, *arguments, **options):
        pass
"""
POSTGRES = """
DATABASES = {{"default": {{
    "ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": "{port}", "NAME": "x", "USER": "x",
    "PASSWORD": "hunter2", "OPTIONS": {{"sslmode": "disable", "gssencmode": "disable"}},
}}}}
PRODUCTION_HEALTH = {{"TIMEOUT": "200ms", "CHECKS": ["database", "cache"]}}
"""


@pytest.mark.parametrize("program", [GUNICORN, UVICORN], ids=["wsgi", "asgi"])
def test_a_database_that_does_not_answer_is_given_up_on_and_asked_by_one_thread(
    tmp_path: Path, program: Sequence[str]
) -> None:
    with deaf() as (port, came), serving(make(tmp_path, POSTGRES.format(port=port)), program) as server:
        for _ in range(5):
            status, said = server.get("/-/ready")
            assert status == 503
            assert "no answer within" in said["checks"]["database"]["status"]
            assert said["checks"]["cache"]["status"] == "ok"
            assert server.get("/-/live") == (200, {"status": "live"})
        assert len(came) == 1


def test_an_answer_is_good_for_a_moment_so_that_asking_costs_nothing(tmp_path: Path) -> None:
    refused = free_port()
    more = 'PRODUCTION_HEALTH = {"FRESH": "1h", "CHECKS": ["database", "mysite.own.check"]}\n'
    with serving(make(tmp_path, POSTGRES.format(port=refused) + more, own=OWN)) as server:
        said = [server.get("/-/ready")[1]["checks"] for _ in range(3)]
        assert said[0] == said[1] == said[2]
        assert said[0]["mysite.own.check"]["status"] == "ValueError: asked 1 times"
        assert "hunter2" not in json.dumps(said)


OWN = """
asked = 0

def check():
    global asked
    asked += 1
    raise ValueError(f"asked {asked} times")
"""
CELERY = """
from celery import Celery

app = Celery("mysite", broker="{broker}")
"""


def test_a_broker_is_asked_through_celery(tmp_path: Path) -> None:
    declared = 'PRODUCTION_PROCESSES = {"worker": {"BACKEND": "celery-worker", "APP": "mysite.queue"}}\n'
    more = 'PRODUCTION_HEALTH = {"FRESH": 0, "CHECKS": ["broker"]}\n'
    with redis_server() as path:
        project = make(tmp_path, declared + more, queue=CELERY.format(broker=f"redis+socket://{path}"))
        with serving(project) as server:
            assert server.get("/-/ready")[1]["checks"]["broker"]["status"] == "ok"
            Path(path).unlink()
            assert server.get("/-/ready")[0] == 503


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (5, "PRODUCTION_HEALTH must be a mapping"),
        ({"TIMEOT": 5}, 'did you mean "TIMEOUT"?'),
        ({"TIMEOUT": "soon"}, 'PRODUCTION_HEALTH["TIMEOUT"]: '),
        ({"CHECKS": ["databse"]}, 'did you mean "database"?'),
        ({"READY": "ready"}, 'must be a path that begins with "/"'),
    ],
)
def test_a_mistake_is_told_with_its_place(said: object, why: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=re.escape(why)):
        read_options(said)


def test_a_mistake_is_told_while_the_site_loads(tmp_path: Path) -> None:
    project = make(tmp_path, 'PRODUCTION_HEALTH = {"CHECKS": "database"}\n')
    ended = project.run("-c", "import mysite.wsgi", DJANGO_SETTINGS_MODULE="mysite.settings")
    assert 'PRODUCTION_HEALTH["CHECKS"]: must be a list' in ended.stderr.splitlines()[-1]
