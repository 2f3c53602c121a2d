"""`python -m procession.django.examine HOST...`: what the site's own Python can say of the site, as JSON on stdout.

    {"setup": "", "wsgi": "", "settings_module": "mysite.settings", "debug": false, "allowed_hosts": ["example.com"],
     "refused_hosts": ["127.0.0.1:8000"], "databases": [{"alias": "default", "engine": "sqlite3", "place": "..."}],
     "answers": [{"name": "database", "trouble": "", "seconds": 0.002}], "celery": {...}}

`setup` and `wsgi` say what failed there, as the last line of a traceback with the site's own frames in front; "" if
nothing did. Each HOST is asked of ALLOWED_HOSTS. It runs as an instance would: its directory, user and environment.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from procession.django.site import import_problem, run_to_handover
from procession.errors import Problem

MANAGE = "manage.py"
ANSWER_SECONDS = 3.0  # for each question; all are asked at once


def main(hosts: list[str]) -> None:
    """Print the report. What the site prints meanwhile goes to stderr."""
    answer = os.dup(1)
    os.dup2(2, 1)
    report = examine(os.getcwd(), hosts)
    with open(answer, "w", encoding="utf-8", errors="surrogateescape") as out:
        out.write(json.dumps(report))
    sys.stderr.flush()
    os._exit(0)  # a question that hangs must not keep us


def examine(directory: str, hosts: list[str]) -> dict[str, Any]:
    """The report on the site in this directory; what cannot be known is left out."""
    sys.path.insert(0, directory)
    report: dict[str, Any] = {"setup": _try(set_up, directory)}
    report["settings_module"] = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    if report["setup"]:
        return report
    from django.conf import settings

    report |= {
        "wsgi": _try(_load_wsgi, directory),
        "debug": bool(settings.DEBUG),
        "allowed_hosts": [str(host) for host in settings.ALLOWED_HOSTS],
        "refused_hosts": [host for host in hosts if not _is_allowed(host)],
        "databases": list(_databases()),
        "answers": [{"name": one.name, "trouble": one.trouble, "seconds": one.seconds} for one in _ask()],
        "celery": _celery(),
    }
    return report


def load() -> None:
    """Load the site of the working directory as a web server's worker does, for `-X importtime`, which sees `import`
    statements alone (CPython, Python/import.c), and Django has none for settings, apps and urls. Raises what its code
    raises.
    """
    importlib.import_module = _import_visibly
    sys.path.insert(0, os.getcwd())
    set_up()
    _load_wsgi()


def _import_visibly(name: str, package: str | None = None) -> ModuleType:
    whole = importlib.util.resolve_name(name, package)
    __import__(whole)
    return sys.modules[whole]


def set_up() -> None:
    """The site of the working directory, its apps loaded. Raises what its code raises."""
    if os.path.exists(MANAGE):
        run_to_handover(os.path.abspath(MANAGE))
    import django

    django.setup()


def _load_wsgi() -> None:
    """What a web server's worker does: the application with its middleware, and the urls."""
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.urls import get_resolver

    if settings.WSGI_APPLICATION:
        importlib.import_module(settings.WSGI_APPLICATION.rpartition(".")[0])
    else:
        WSGIHandler()
    _ = get_resolver().url_patterns


def _try(call: Callable[[], object], directory: str) -> dict[str, Any]:
    """{} if all went well; else {"what": ..., "frames": [...]}."""
    try:
        call()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - the site's code may do anything, sys.exit() included
        problem: Problem = import_problem(error, directory)
        return {"what": problem.what.removeprefix("does not import: "), "frames": list(problem.detail)}
    return {}


def _is_allowed(host: str) -> bool:
    from django.conf import settings
    from django.http.request import split_domain_port, validate_host

    allowed = settings.ALLOWED_HOSTS
    if settings.DEBUG and not allowed:
        allowed = [".localhost", "127.0.0.1", "[::1]"]
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def _databases() -> Iterator[dict[str, str]]:
    from django.db import connections

    for alias in connections:
        declared = connections.settings[alias]
        engine = str(declared["ENGINE"]).rpartition(".")[2]
        host, port, name = (str(declared.get(key) or "") for key in ("HOST", "PORT", "NAME"))
        is_file = "sqlite" in str(declared["ENGINE"])
        place = name if is_file else f"{host or 'the local socket'}{':' if port else ''}{port}, database {name}"
        yield {"alias": alias, "engine": engine, "place": place, "file": name if is_file else ""}


def _ask() -> tuple[Any, ...]:
    from procession.django.health.checks import chosen
    from procession.django.health.options import CHECKS
    from procession.django.health.rounds import Answer, Rounds, describe

    answers: tuple[Any, ...] = ()
    for name in CHECKS:  # one by one put together, so that a broken Celery app leaves the others
        try:
            questions = chosen([name], ANSWER_SECONDS)
        except Exception as error:  # noqa: BLE001 - a task runner's app is the site's code
            answers += (Answer(name, describe(error), 0.0),)
            continue
        answers += Rounds(questions, timeout_seconds=ANSWER_SECONDS, fresh_seconds=0.0).answers()
    return answers


def _celery() -> dict[str, Any]:
    """The times that Celery has of its own, for the nesting of timeouts; {} without Celery."""
    from procession.django.health.brokers import celery_address, celery_apps

    try:
        app = next(iter(celery_apps()), None)
        if app is None:
            return {}
        options = app.conf.broker_transport_options or {}
        return {
            "broker": celery_address(app),
            "task_time_limit": app.conf.task_time_limit,
            "visibility_timeout": options.get("visibility_timeout"),
        }
    except Exception:  # noqa: BLE001 - what fails here has failed as the question about the broker, too
        return {}


if __name__ == "__main__":
    main(sys.argv[1:])
