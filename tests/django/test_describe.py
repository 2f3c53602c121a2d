"""The child that describes a site: one JSON object on stdout, whatever the site does."""

from __future__ import annotations

import sys

import pytest

from procession.stack.codec import from_data
from procession.stack.model import Site, Stack
from tests.django.conftest import SETTINGS, Project, Texts

OLD = """
PRODUCTION_PROCESSES = {
    "web": {"BACKEND": "django_prodserver.backends.gunicorn.GunicornServer",
            "ARGS": {"bind": "0.0.0.0:8000", "workers": "8", "timeout": "60"}},
    "worker": {"BACKEND": "django_prodserver.backends.celery.CeleryWorker", "APP": "myproject.celery.app",
               "ARGS": {"concurrency": "8", "loglevel": "info", "max-tasks-per-child": "1000"}},
    "beat": {"BACKEND": "django_prodserver.backends.celery.CeleryBeat", "APP": "myproject.celery.app",
             "ARGS": {"loglevel": "info"}},
}
"""
TELL = 'PRODUCTION_PROCESSES = {"web": {"COMMAND": "python tell.py"}}\n'


def test_a_declaration_for_django_prodserver_runs_unchanged(project: Project) -> None:
    project.settings(OLD)
    code, data, _ = project.describe()
    assert (code, data["problems"]) == (0, [])
    stack = from_data(Stack, data["stack"])
    assert [process.name for process in stack.processes] == ["web", "worker", "beat"]
    assert stack.name == "site"
    site = from_data(Site, data["site"])
    assert site == Site(
        directory=str(project.directory),
        python=sys.executable,
        settings_module="mysite.settings",
        wsgi="mysite.wsgi:application",
        has_app=True,
        installed_apps=("procession",),
    )


@pytest.mark.parametrize(("name", "is_file"), [("data/db.sqlite3", True), (":memory:", False), ("", False)])
def test_the_file_that_is_its_database_is_told(project: Project, name: str, is_file: bool) -> None:
    engine = "django.db.backends.sqlite3"
    project.settings(f'{TELL}DATABASES = {{"default": {{"ENGINE": "{engine}", "NAME": "{name}"}}}}\n')
    stack = from_data(Stack, project.describe()[1]["stack"])
    assert stack.sqlite == (str(project.directory / name) if is_file else "")


def test_what_the_site_prints_does_not_get_into_the_answer(project: Project) -> None:
    project.settings(
        TELL + 'import os, subprocess, sys\nprint("out")\nsys.stdout.write("more")\nos.write(1, b"raw")\n'
        'subprocess.run(["echo", "child"])\n'
    )
    code, data, said = project.describe()
    assert code == 0
    assert data["stack"]["processes"][0]["name"] == "web"
    assert all(word in said for word in ("out", "more", "raw", "child"))


def test_a_thread_that_the_site_leaves_running_does_not_keep_it(project: Project) -> None:
    project.settings(TELL + "import threading\nthreading.Thread(target=threading.Event().wait).start()\n")
    assert project.describe()[0] == 0


def test_what_is_wrong_is_in_the_answer(project: Project, texts: Texts) -> None:
    project.settings('PRODUCTION_PROCESSES = {"web": {"COMAND": "x"}, "two": {"COMMAND": "true", "REPLICAS": "x"}}\n')
    code, data, _ = project.describe()
    assert (code, data["stack"]) == (1, None)
    assert texts(data) == [
        "web.comand: is no key that Procession knows [procession.E001]",
        'from PRODUCTION_PROCESSES["web"]["COMAND"] in mysite.settings · did you mean "COMMAND"?',
        'two.replicas: must be a whole number, got "x" [procession.E002]',
        'from PRODUCTION_PROCESSES["two"]["REPLICAS"] in mysite.settings',
    ]


LAST = SETTINGS.count("\n") + 1
BROKEN = [
    ("boom\n", "NameError: name 'boom' is not defined", f"mysite/settings.py:{LAST}", "boom",
     "correct it: what runs keeps running"),
    ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'", f"mysite/settings.py:{LAST}",
     "import no_such_module", f"install no_such_module, or use the Python that has it: this is {sys.executable}"),
    ("import sys; sys.exit(3)\n", "it calls sys.exit(3)", f"mysite/settings.py:{LAST}", "import sys; sys.exit(3)",
     "correct it: what runs keeps running"),
    ("raise KeyboardInterrupt.__base__('odd')\n", "BaseException: odd", f"mysite/settings.py:{LAST}",
     "raise KeyboardInterrupt.__base__('odd')", "correct it: what runs keeps running"),
    ("from os import environ\nX = environ['NOT_SET']\n", "KeyError: 'NOT_SET'", f"mysite/settings.py:{LAST + 1}",
     "X = environ['NOT_SET']", "correct it: what runs keeps running"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "error", "place", "line", "fix"), BROKEN, ids=[case[1] for case in BROKEN])
def test_settings_that_do_not_import(
    project: Project, texts: Texts, text: str, error: str, place: str, line: str, fix: str
) -> None:
    project.settings(text)
    code, data, _ = project.describe()
    assert (code, data["stack"], data["site"]) == (1, None, None)
    assert texts(data) == [
        f"mysite.settings: does not import: {error} [procession.E030]",
        f"from {place} · {fix}",
        f"{place}: {line}",
    ]


def test_the_traceback_is_short_and_the_sites_own(project: Project, texts: Texts) -> None:
    project.write("mysite/conf.py", "import json\n\ndef read(text):\n    return json.loads(text)\n")
    project.settings("from mysite.conf import read\nX = read('{')\n")
    _, data, _ = project.describe()
    assert texts(data)[1:] == [
        "from mysite/conf.py:4 · correct it: what runs keeps running",
        f"mysite/settings.py:{LAST + 1}: X = read('{{')",
        "mysite/conf.py:4: return json.loads(text) (in read)",
    ]


def test_a_syntax_error_shows_its_line(project: Project, texts: Texts) -> None:
    project.settings("X = (\n")
    _, data, _ = project.describe()
    first, second, third = texts(data)
    assert first == "mysite.settings: does not import: SyntaxError: '(' was never closed [procession.E030]"
    assert second == f"from mysite/settings.py:{LAST} · correct it: what runs keeps running"
    assert third == f"mysite/settings.py:{LAST}: X = ("


def test_settings_of_another_name(project: Project) -> None:
    project.write("mysite/production.py", SETTINGS + TELL)
    for options, environment in (
        (["--settings", "mysite.production"], {}),
        ([], {"DJANGO_SETTINGS_MODULE": "mysite.production"}),
    ):
        code, data, _ = project.describe(*options, **environment)
        assert code == 0
        assert data["stack"]["processes"][0]["environment"]["DJANGO_SETTINGS_MODULE"] == "mysite.production"


def test_settings_that_are_not_there(project: Project, texts: Texts) -> None:
    _, data, _ = project.describe("--settings", "mysite.nowhere")
    assert texts(data) == [
        "mysite.nowhere: does not import: ModuleNotFoundError: No module named 'mysite.nowhere' [procession.E030]",
        "correct the name in DJANGO_SETTINGS_MODULE, or in the import",
    ]


def test_what_manage_py_sets_up_is_set_up(project: Project) -> None:
    """As cookiecutter-django's does: a folder on sys.path, and an env file read before the settings."""
    project.write(
        "manage.py",
        "import os, sys\nos.environ['FROM_MANAGE'] = '1'\n"
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'conf.base')\n"
        "def main():\n    from django.core.management import execute_from_command_line\n"
        "    sys.path.append('apps')\n    try:\n        execute_from_command_line(sys.argv)\n"
        "    except Exception:\n        sys.exit('caught')\n\nif __name__ == '__main__':\n    main()\n",
    )
    project.write("apps/inner.py", "")
    project.write("conf/base.py", "import inner, os\nassert os.environ['FROM_MANAGE']\n" + SETTINGS + TELL)
    project.write("conf/asgi.py", "")
    code, data, _ = project.describe()
    assert (code, data["problems"]) == (0, [])
    assert data["site"]["settings_module"] == "conf.base"
    assert data["site"]["asgi"] == "conf.asgi:application"


def test_a_manage_py_that_names_no_settings(project: Project, texts: Texts) -> None:
    project.write("manage.py", "")
    code, data, _ = project.describe()
    assert code == 1
    assert texts(data)[0].startswith("manage.py: does not import: django.core.exceptions.ImproperlyConfigured: ")


def test_a_procfile_counts_where_the_settings_declare_nothing(project: Project) -> None:
    project.write("Procfile", "web: gunicorn mysite.wsgi\n")
    _, data, _ = project.describe()
    assert [process["origin"]["source"] for process in data["stack"]["processes"]] == ["procfile"]
    project.settings(TELL)
    _, data, _ = project.describe()
    assert [process["origin"]["source"] for process in data["stack"]["processes"]] == ["settings"]


def test_toml_beside_manage_py_gets_the_facts_of_the_site(project: Project) -> None:
    project.write("procession.toml", '[processes.web]\nbackend = "gunicorn"\n')
    code, data, _ = project.describe()
    assert code == 0
    assert "mysite.wsgi:application" in data["stack"]["processes"][0]["argv"]


def test_for_development(project: Project) -> None:
    project.settings('DEVELOPMENT_PROCESSES = {"dev": {"COMMAND": "true"}}\n')
    _, data, _ = project.describe("--development")
    assert [process["name"] for process in data["stack"]["processes"]] == ["dev"]


def test_a_project_without_django(project: Project) -> None:
    (project.directory / "manage.py").unlink()
    project.write("procession.toml", '[processes.web]\ncommand = "python tell.py"\n')
    code, data, _ = project.describe()
    assert (code, data["site"]["settings_module"]) == (0, "")


def test_nothing_declared(project: Project, texts: Texts) -> None:
    code, data, _ = project.describe()
    assert code == 1
    assert texts(data) == [
        "PRODUCTION_PROCESSES: declares no process [procession.E031]",
        "from mysite.settings · declare a process, or let `procession init` propose a declaration",
    ]


def test_apps_that_do_not_load_are_a_warning(project: Project, texts: Texts) -> None:
    """The declaration is read all the same: only the management commands could not be asked for their options."""
    worker = 'PRODUCTION_PROCESSES = {"worker": {"BACKEND": "huey"}}\n'
    project.settings(worker + 'INSTALLED_APPS = ["procession", "broken", "huey.contrib.djhuey"]\n')
    project.write("broken/__init__.py", "")
    project.write("broken/models.py", "raise ValueError('no database')\n")
    code, data, _ = project.describe()
    assert code == 0
    assert texts(data) == [
        "mysite.settings: django.setup() fails: ValueError: no database [procession.W005]",
        "from broken/models.py:1 · correct it: what runs keeps running",
        "broken/models.py:1: raise ValueError('no database')",
    ]
    assert project.describe("--no-options")[1]["problems"] == []


def test_apps_are_only_loaded_where_a_management_command_is_to_be_asked(project: Project) -> None:
    project.settings(TELL + 'INSTALLED_APPS = ["procession", "broken"]\n')
    project.write("broken/__init__.py", "raise ValueError('loaded')\n")
    code, data, _ = project.describe()
    assert (code, data["problems"]) == (0, [])


def test_an_option_that_a_management_command_does_not_have(project: Project, texts: Texts) -> None:
    project.settings(
        'PRODUCTION_PROCESSES = {"worker": {"BACKEND": "huey", "ARGS": {"wrkers": 2}}}\n'
        'INSTALLED_APPS = ["huey.contrib.djhuey"]\n'
    )
    code, data, _ = project.describe()
    assert code == 1
    assert texts(data) == [
        "worker.args.wrkers: no such option [procession.E040]",
        'from PRODUCTION_PROCESSES["worker"]["ARGS"]["wrkers"] in mysite.settings · did you mean "workers"?',
    ]
