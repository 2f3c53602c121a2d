"""A Django site of as many processes as one likes, of the kinds that a site has: what it costs to be large."""

from __future__ import annotations

from pathlib import Path

LARGE_PROCESSES = 200
WORKERS_FOR_EACH_WEB = 4
MANAGE = """\
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
execute_from_command_line(sys.argv)
"""
SETTINGS = """\
SECRET_KEY = "benchmark"
INSTALLED_APPS = ["procession"]
WSGI_APPLICATION = "wsgi.application"
PRODUCTION_STACK = {{"NAME": "large", "ENGINES": {{"kubernetes": {{"IMAGE": "registry.example/large:1"}}}}}}
PRODUCTION_PROCESSES = {processes}
"""


def write_site(folder: Path, count: int = LARGE_PROCESSES) -> None:
    """A migration, and web processes and workers that wait for it: `count` in all."""
    (folder / "manage.py").write_text(MANAGE)
    (folder / "settings.py").write_text(SETTINGS.format(processes=repr(declaration(count))))


def declaration(count: int) -> dict[str, dict[str, object]]:
    """What PRODUCTION_PROCESSES says."""
    every = WORKERS_FOR_EACH_WEB + 1
    migrate: dict[str, object] = {"BACKEND": "manage", "ARGS": "migrate --noinput", "TYPE": "task"}
    others = {
        f"{'worker' if number % every else 'web'}{number}": _worker(number) if number % every else _web(number)
        for number in range(count - 1)
    }
    return {"migrate": migrate, **others}


def _web(number: int) -> dict[str, object]:
    return {
        "BACKEND": "gunicorn",
        "ARGS": {"bind": f"127.0.0.1:{8000 + number}", "workers": 2},
        "READINESS": {"PATH": "/health/"},
        "ENV": {"SHARD": str(number)},
        "DEPENDS_ON": ["migrate"],
    }


def _worker(number: int) -> dict[str, object]:
    return {
        "BACKEND": "celery-worker",
        "APP": "large.celery.app",
        "ARGS": {"loglevel": "info", "concurrency": 2, "queues": f"queue{number}"},
        "DEPENDS_ON": ["migrate"],
    }
