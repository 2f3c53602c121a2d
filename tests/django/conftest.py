"""Small real Django projects, each in a directory of its own, and their manage.py run as a child."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

MANAGE = """\
import os, sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
"""
SETTINGS = """\
SECRET_KEY = "x"
INSTALLED_APPS = ["procession"]
ROOT_URLCONF = "mysite.urls"
WSGI_APPLICATION = "mysite.wsgi.application"
ALLOWED_HOSTS = ["*"]
DATABASES = {}
"""
WSGI = """\
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
"""
# Says all about itself as one line of JSON.
TELL = """\
import json, os, sys

said = {"pid": os.getpid(), "argv": sys.argv[1:], "cwd": os.getcwd(), "umask": os.umask(0), "env": dict(os.environ)}
print(json.dumps(said))
"""


@dataclass(frozen=True)
class Project:
    directory: Path

    def write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def settings(self, text: str) -> None:
        self.write("mysite/settings.py", SETTINGS + text)

    def run(self, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`python ARGV` in the project, to its end."""
        return subprocess.run(
            [sys.executable, *argv],
            cwd=self.directory,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def manage(self, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("manage.py", *argv, **environment)

    def start(self, *argv: str, **environment: str) -> subprocess.Popen[str]:
        """`manage.py ARGV`, left running; what it says on stderr comes on its stdout, too."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *argv],
            cwd=self.directory,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **more}

    def describe(self, *options: str, **environment: str) -> tuple[int, dict[str, Any], str]:
        """Exit code, the JSON, and what was said on stderr."""
        done = self.run("-m", "procession.django.describe", *options, **environment)
        return done.returncode, json.loads(done.stdout), done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Project:
    site = Project(tmp_path / "site")
    site.write("manage.py", MANAGE)
    site.write("mysite/__init__.py", "")
    site.write("mysite/urls.py", "urlpatterns = []\n")
    site.write("mysite/wsgi.py", WSGI)
    site.write("tell.py", TELL)
    site.settings("")
    return site


Texts = Callable[[dict[str, Any]], list[str]]


@pytest.fixture
def texts() -> Texts:
    """The problems in a description, as a person reads them, blanks in a row as one."""
    from procession.errors import Problem
    from procession.stack.codec import from_data

    def read(data: dict[str, Any]) -> list[str]:
        problems = [from_data(Problem, problem) for problem in data["problems"]]
        return [" ".join(line.split()) for problem in problems for line in problem.lines()]

    return read
