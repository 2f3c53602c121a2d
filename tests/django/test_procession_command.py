"""`manage.py procession VERB`: the same verbs, for these settings."""

from __future__ import annotations

import json
import sys

from tests.django.conftest import SETTINGS, Project

WEB = 'PRODUCTION_PROCESSES = {"web": {"COMMAND": "python tell.py"}}\n'


def test_a_verb_with_its_options(project: Project) -> None:
    project.settings(WEB)
    done = project.manage("procession", "render", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["processes"][0]["argv"] == [sys.executable, "tell.py"]


def test_the_settings_of_manage_py_are_meant(project: Project) -> None:
    project.write("mysite/other.py", SETTINGS + WEB.replace("web", "api"))
    done = project.manage("procession", "render", "--json", DJANGO_SETTINGS_MODULE="mysite.other")
    assert json.loads(done.stdout)["processes"][0]["name"] == "api"


def test_its_exit_code_is_the_verbs(project: Project) -> None:
    project.settings('PRODUCTION_PROCESSES = {"web": {"COMMND": "x"}}\n')
    done = project.manage("procession", "check")
    assert done.returncode == 1
    assert "procession.E001" in done.stderr + done.stdout


def test_call_command_works(project: Project) -> None:
    project.settings(WEB)
    project.write(
        "call.py",
        "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'mysite.settings'\nimport django\ndjango.setup()\n"
        "from django.core.management import call_command\ncall_command('procession', 'render', '--json')\n",
    )
    done = project.run("call.py")
    assert json.loads(done.stdout)["processes"][0]["name"] == "web"
