"""`update` and `up` with settings that cannot be read: an error and exit code 1, and what runs keeps running."""

from __future__ import annotations

import pytest

from tests.console.project import Project

MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
GOOD = """
SECRET_KEY = "x"
INSTALLED_APPS = ["procession"]
PRODUCTION_PROCESSES = {"clock": {"COMMAND": "sleep 1000"}}
"""
BROKEN = {
    "a syntax error": GOOD + "DEBUG = (\n",
    "an import that fails": "import nonesuch_module\n" + GOOD,
    "it exits": "raise SystemExit(0)\n",
    "it dies": "import os\nos.kill(os.getpid(), 9)\n",
    "a value that is none": GOOD.replace("sleep 1000", "sleep '1000"),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_what_runs_keeps_running(project: Project, damage: str) -> None:
    (project.directory / "manage.py").write_text(MANAGE)
    settings = project.directory / "settings.py"
    settings.write_text(GOOD)
    project.ok("up", "-d")
    before = project.status()
    settings.write_text(BROKEN[damage])
    for verb in (("update",), ("up", "-d")):
        ended = project.run(*verb)
        assert ended.code in (1, 4), ended
        assert ended.err
        assert "Traceback" not in ended.err.splitlines()[-1]
    after = project.status()
    assert [view["pid"] for view in after["instances"]] == [view["pid"] for view in before["instances"]]
    assert after["supervisor"]["pid"] == before["supervisor"]["pid"]
