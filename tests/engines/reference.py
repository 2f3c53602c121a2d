"""The reference case: the site of three processes that every guide to deploying Django has, and readers of its files.

Web, two workers and one beat; memory and processor limits, a user, PostgreSQL and Redis. Secrets are in an env file.
docs/reasons/by-hand.md says what a careful person writes for it by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from procession.engines.base import Rendering
from procession.engines.options import read_options
from procession.engines.registry import engine
from procession.stack.model import Process, Stack
from tests.engines.stacks import stack_of

HOME = "/var/www/myapp"
PROCESSES: Mapping[str, Mapping[str, Any]] = {
    "web": {
        "BACKEND": "django_prodserver.backends.gunicorn.GunicornServer",
        "ARGS": {"bind": "0.0.0.0:8000", "workers": "8", "timeout": "60"},
        "READINESS": {"PATH": "/health/", "FAILURES": 3},
        "LIMITS": {"MEMORY": "2G", "CPU": "200%", "FILES": 4096},
    },
    "worker": {
        "BACKEND": "django_prodserver.backends.celery.CeleryWorker",
        "APP": "myproject.celery.app",
        "ARGS": {"concurrency": "8", "loglevel": "info", "max-tasks-per-child": "1000"},
        "REPLICAS": 2,
        "LIMITS": {"MEMORY": "4G", "CPU": "400%", "FILES": 4096},
    },
    "beat": {
        "BACKEND": "django_prodserver.backends.celery.CeleryBeat",
        "APP": "myproject.celery.app",
        "ARGS": {"loglevel": "info"},
    },
}
COMMON: Mapping[str, Any] = {
    "NAME": "myapp",
    "USER": "www-data",
    "GROUP": "www-data",
    "ENV": {"DJANGO_SETTINGS_MODULE": "myproject.settings.prod"},
    "SERVICES": {"db": {"TYPE": "postgresql"}, "redis": {"TYPE": "redis", "VARIABLE": "BROKER_URL"}},
}
ENV_FILE = """\
DATABASE_URL=postgres://myapp:hunter2@127.0.0.1:5432/myapp
BROKER_URL=redis://127.0.0.1:6379/0
SECRET_KEY=hunter2
"""
ENGINES: Mapping[str, Mapping[str, Any]] = {
    "compose": {"FRONT": {"SERVER": "nginx", "HOSTS": ["myapp.example"]}},
    "kubernetes": {
        "IMAGE": "registry.example/myapp:1.4",
        "HOST": "myapp.example",
        "SECRET": "myapp-env",
        "AUTOSCALE": {"web": {"LOWEST": 2, "HIGHEST": 8}},
    },
}


def reference_stack(folder: Path, engines: Mapping[str, Mapping[str, Any]] = ENGINES) -> Stack:
    """The site, its env file in `folder`."""
    env_file = folder / "env"
    env_file.write_text(ENV_FILE)
    common = {**COMMON, "ENV_FILE": str(env_file), "ENGINES": engines}
    return stack_of(PROCESSES, common, HOME, has_app=True)


def rendered(name: str, stack: Stack) -> Rendering:
    """What this engine makes of it; no errors."""
    tool = engine(name)
    options, problems = read_options(tool, stack)
    rendering = tool.render(stack, options)
    assert not [one for one in (*problems, *rendering.problems) if one.is_error]
    return rendering


def texts(name: str, stack: Stack) -> dict[str, str]:
    """Its files, by their paths."""
    return {file.path: file.text for file in rendered(name, stack).files}


def process_of(stack: Stack, name: str) -> Process:
    process = stack.process(name)
    assert process is not None
    return process


def unit(text: str) -> dict[str, list[str]]:
    """Each setting of a systemd unit, with all its values."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith(("#", ";")):
            found.setdefault(key, []).append(value)
    return found


def span_seconds(text: str) -> float:
    """ "65s" and "500ms" of systemd, Compose and Swarm."""
    return float(text[:-2]) / 1000 if text.endswith("ms") else float(text.removesuffix("s"))
