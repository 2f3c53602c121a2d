"""A small site with the dashboard in it, run by the real supervisor; and who visits it over HTTP."""

from __future__ import annotations

import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, Request, build_opener

from tests.console.project import DEADLINE_SECONDS, Project

PASSWORD = "only for the tests"
HUNTER = "hunter2"  # the secret that no page may show

MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "own.settings")
from django.core.management import execute_from_command_line
if __name__ == "__main__":
    execute_from_command_line(sys.argv)
"""
SETTINGS = """
import sys
from pathlib import Path
BASE_DIR = Path(__file__).parents[1]
SECRET_KEY = "only-for-the-tests" * 4
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.messages", "procession",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]  # without Django's CSRF middleware: the dashboard brings its own
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
        "autoescape": False,  # as a site may have it
        "context_processors": [
            "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ],
    },
}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick
ROOT_URLCONF, WSGI_APPLICATION, STATIC_URL = "own.urls", "own.wsgi.application", "/static/"
PRODUCTION_METRICS_TOKEN = "for the tests"
USE_TZ = USE_THOUSAND_SEPARATOR = True
PRODUCTION_PROCESSES = {
    "web": {
        "BACKEND": "gunicorn", "ARGS": {"bind": "127.0.0.1:{port}", "threads": 1, "workers": 1},
        "READINESS": {"PATH": "/health/"}, "STOP_TIMEOUT": 5,
    },
    "worker": {
        "COMMAND": [sys.executable, "-u", str(BASE_DIR / "worker.py"), "--password", "{hunter}"], "STOP_TIMEOUT": 1,
        "BACKOFF": {"FIRST": 0.05, "STEADY": 0},
        "ENV": {"DATABASE_PASSWORD": "{hunter}", "BROKER": "redis://site:{hunter}@db/0", "MODE": "<b>fast</b>"},
    },
    "beat": {"COMMAND": "sleep 1000", "SINGLETON": True},
}
"""
WORKER = """
import os
path = "said." + os.environ["PROCESSION_INSTANCE"]
if not os.path.exists(path):
    os.mkfifo(path)
fd = os.open(path, os.O_RDWR)
print("ready to work", flush=True)
while True:
    os.write(1, os.read(fd, 65536))
"""
URLS = """
from django.contrib import admin
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import include, path
def enter(request, name):
    login(request, User.objects.get(username=name))  # the site's own way in; staff may also come by the admin's
    return HttpResponse("<link rel=icon href='data:,'>ok")  # or a browser asks for one, and complains
urlpatterns = [
    path("enter/<name>/", enter),
    path("admin/", admin.site.urls), path("processes/", include("procession.dashboard.urls")),
    path("health/", lambda request: HttpResponse("ok")),
]
"""
WSGI = """
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""
PREPARE = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth.models import Permission, User
own = Permission.objects.filter(content_type__app_label="procession")
people = {"operator": ("view", "operate"), "viewer": ("view",), "clerk": ()}
for name, codenames in {**people, "customer": ("view", "operate")}.items():
    user = User.objects.create_user(name, password="PASSWORD", is_staff=name in people)
    user.user_permissions.set(own.filter(codename__in=codenames))
call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)
call_command("dumpdata", use_base_manager=True, output="dump.json")
"""


class Page(NamedTuple):
    status: int
    text: str
    headers: dict[str, str]
    url: str


class NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class Visitor:
    """A browser without JavaScript: cookies, pages, forms."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.jar = http.cookiejar.CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self.jar), NoRedirect())

    def get(self, path: str, **headers: str) -> Page:
        return self._open(Request(self._url(path), headers=headers))

    def post(self, path: str, fields: dict[str, str]) -> Page:
        return self._open(Request(self._url(path), urlencode(fields).encode()))

    def submit(self, path: str, **fields: str) -> Page:
        """Post the form of that page, as a person would."""
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path).text)
        assert found, "the page has no form"
        return self.post(path, {"csrfmiddlewaretoken": found.group(1), **fields})

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else self.base + path

    def _open(self, request: Request) -> Page:
        try:
            answer = self._opener.open(request, timeout=DEADLINE_SECONDS)
        except HTTPError as error:
            answer = error
        with answer:
            return Page(answer.status or 0, answer.read().decode(), dict(answer.headers), answer.url)


class DashboardSite(Project):
    """The site; `up` starts it. Its users: the operator may all, the viewer may look, the clerk is staff, and the
    customer has the permissions and is no staff.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        package = directory / "own"
        package.mkdir()
        settings = SETTINGS.replace("{port}", str(self.port)).replace("{hunter}", HUNTER)
        files = {"__init__": "", "settings": settings, "urls": URLS, "wsgi": WSGI}
        for name, text in files.items():
            (package / f"{name}.py").write_text(text)
        (directory / "manage.py").write_text(MANAGE)
        (directory / "worker.py").write_text(WORKER)

    def prepare(self) -> None:
        """The database, with its people."""
        environment = self.environment({"DJANGO_SETTINGS_MODULE": "own.settings"})
        program = PREPARE.replace("PASSWORD", PASSWORD)
        subprocess.run([sys.executable, "-c", program], cwd=self.directory, env=environment, check=True, timeout=60)

    def visitor(self, name: str = "") -> Visitor:
        """Somebody who is logged in, or nobody in particular."""
        visitor = Visitor(self.base)
        if name:
            assert visitor.get(f"/enter/{name}/").status == 200
        return visitor

    def worker_says(self, text: str, instance: str = "worker.1") -> None:
        with open(self.directory / f"said.{instance}", "wb", buffering=0) as fifo:
            fifo.write(text.encode("utf-8", "surrogateescape") + b"\n")

    def events(self, kind: str) -> list[str]:
        """Who asked for that, the last one first."""
        lines = self.run("events", "--lines", "all").out.splitlines()
        return [line for line in reversed(lines) if f"  {kind}  " in f"{line}  "]


class Dashboard:
    """`procession dashboard`, and the link that it printed."""

    def __init__(self, project: Project, *options: str, environment: Mapping[str, str] | None = None) -> None:
        own = project.environment({"SUDO_USER": "operator", **(environment or {})})
        self.process = subprocess.Popen(
            [*project.command, "dashboard", "--port", "0", *options],
            cwd=project.directory, env=own, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.link = self.process.stdout.readline().strip()
        self.base = self.link.partition("/?")[0]

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_alive(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")
