"""`procession init`: what it proposes for which site, and that what it proposes is without mistakes."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from procession.console.init import to_settings, to_toml
from procession.console.proposal import Facts, Proposed, propose
from procession.stack.model import Site
from tests.console.project import Project

CELERY = """\
import os
from celery import Celery
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
app = Celery("mysite")
"""


def facts(*installed: str, apps: tuple[str, ...] = (), **more: str | bool) -> Facts:
    fields: dict[str, object] = {"wsgi": "mysite.wsgi:application", "asgi": "mysite.asgi:application", **more}
    return Facts(versions={name: "1.0" for name in installed}, apps=apps, **fields)  # type: ignore[arg-type]


def backends(proposed: list[Proposed]) -> dict[str, str]:
    return {one.name: str(one.keys["BACKEND"]) for one in proposed if not one.is_doubtful}


@pytest.mark.parametrize(
    ("installed", "apps", "expected"),
    [
        (("gunicorn",), (), {"web": "gunicorn"}),
        (("uvicorn", "gunicorn"), (), {"web": "gunicorn"}),
        (("uvicorn", "gunicorn"), ("channels",), {"web": "uvicorn"}),
        (("waitress",), (), {"web": "waitress"}),
        ((), (), {"web": "gunicorn"}),
        (("gunicorn",), ("django_q",), {"web": "gunicorn", "qcluster": "django-q2"}),
        (("gunicorn",), ("huey.contrib.djhuey",), {"web": "gunicorn", "huey": "huey"}),
        (("gunicorn",), ("django_rq", "django_tasks_db"), {"web": "gunicorn", "tasks": "django-tasks-db", "rq": "rq"}),
    ],
)
def test_what_is_installed_is_proposed(
    installed: tuple[str, ...], apps: tuple[str, ...], expected: dict[str, str]
) -> None:
    assert backends(propose(facts(*installed, apps=apps))) == expected


def test_celery_has_a_worker_and_beat_where_there_is_something_to_beat() -> None:
    site = facts("gunicorn", "celery", celery_app="mysite.celery")
    assert backends(propose(site)) == {"web": "gunicorn", "worker": "celery-worker"}
    site = facts("gunicorn", "celery", celery_app="mysite.celery", has_beat_schedule=True)
    assert backends(propose(site)) == {"web": "gunicorn", "worker": "celery-worker", "beat": "celery-beat"}
    site = facts("gunicorn", "celery", celery_app="mysite.celery", apps=("django_celery_beat",))
    (beat,) = (one for one in propose(site) if one.name == "beat")
    assert beat.keys["ARGS"] == {"loglevel": "info", "scheduler": "django_celery_beat.schedulers:DatabaseScheduler"}


def test_what_is_printed_is_python_and_toml() -> None:
    proposed = propose(facts("gunicorn", "celery", celery_app="mysite.celery"))
    namespace: dict[str, dict[str, object]] = {}
    exec(to_settings(proposed, Site(directory="/", python="python")), namespace)
    assert list(namespace["PRODUCTION_PROCESSES"]) == ["web", "worker"]
    assert list(tomllib.loads(to_toml(proposed))["processes"]) == ["web", "worker"]


@pytest.fixture
def django_project(project: Project) -> Project:
    pytest.importorskip("django")
    argv = [sys.executable, "-m", "django", "startproject", "mysite", str(project.directory)]
    subprocess.run(argv, check=True)
    return project


def test_written_into_settings_it_has_no_mistakes(django_project: Project) -> None:
    pytest.importorskip("gunicorn")
    pytest.importorskip("celery")
    (django_project.directory / "mysite" / "celery.py").write_text(CELERY)
    settings = django_project.directory / "mysite" / "settings.py"
    before = settings.read_text()
    printed = django_project.ok("init").out
    assert settings.read_text() == before, "it only prints"
    django_project.ok("init", "--write")
    assert settings.read_text() == f"{before}\n\n{printed}"
    django_project.ok("check")
    assert "has a declaration already" in django_project.ok("init", "--write").err
    assert settings.read_text() == f"{before}\n\n{printed}"


def test_settings_that_do_not_import_are_shown_with_their_own_line(django_project: Project) -> None:
    settings = django_project.directory / "mysite" / "settings.py"
    settings.write_text("import no_such_module\n")
    ended = django_project.run("init")
    assert ended.code == 1
    assert "no_such_module" in ended.err
    assert "mysite/settings.py:1" in ended.err


def test_an_existing_procession_toml_is_not_touched(django_project: Project) -> None:
    toml = django_project.directory / "procession.toml"
    toml.write_text("# mine\n")
    django_project.run("init", "--toml", "--write")
    assert toml.read_text() == "# mine\n"


def test_without_django_it_is_a_procession_toml(project: Project) -> None:
    project.ok("init", "--write")
    assert "command" in (project.directory / "procession.toml").read_text()
    project.ok("check")
