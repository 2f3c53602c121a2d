"""What the how-to pages tell people to type, typed at a site that runs: web, worker and beat."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.kinds import FOLLOWED, HOW_TO
from tests.docs.machine import Machine, make_site
from tests.docs.page import ROOT, Block, blocks

SETTINGS = """
INSTALLED_APPS += ["procession"]
MIDDLEWARE.insert(0, "procession.django.health.HealthMiddleware")
PRODUCTION_STACK = {{"NAME": "mysite"}}
PRODUCTION_PROCESSES = {{
    "web": {{"BACKEND": "gunicorn", "ARGS": {{"bind": "127.0.0.1:{port}", "workers": 1}}}},
    "worker": {{
        "BACKEND": "celery-worker",
        "APP": "mysite.celery",
        "ARGS": {{"pool": "solo"}},
        "ENV": {{"OMP_NUM_THREADS": 1}},
        "REPLICAS": 2,
    }},
}}
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """Its site is a clone, as `git pull` expects, with a user called operator, and migrated."""
    with tempfile.TemporaryDirectory(prefix="pn") as directory:
        machine = Machine(Path(directory).resolve())
        make_site(machine.site)
        with (machine.site / "mysite/settings.py").open("a") as settings:
            settings.write(SETTINGS.format(port=machine.port))
        (machine.site / "requirements.txt").touch()
        machine.ok("python", "manage.py", "migrate", "--verbosity=0")
        machine.ok(
            "python",
            "manage.py",
            "createsuperuser",
            "--noinput",
            "--username=operator",
            "--email=operator@mysite.example",
        )
        make_clone(machine.site)
        yield machine
        assert machine.end(), "it ran to the end"


def make_clone(site: Path) -> None:
    """Something to pull from: its own history, in a second folder."""
    for command in (
        "git init --quiet --initial-branch=main",
        "git add manage.py",
        "git -c user.name=me -c user.email=me@mysite.example commit --quiet --message=site",
        "git clone --quiet --bare . ../origin.git",
        "git remote add origin ../origin.git",
        "git fetch --quiet",
        "git branch --quiet --set-upstream-to=origin/main",
    ):
        subprocess.run(command.split(), cwd=site, check=True)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", HOW_TO)
def test_what_a_how_to_says_can_be_typed(machine: Machine, page: str) -> None:
    machine.ok("procession", "up", "-d")
    reader = machine.reader()
    for block in blocks(ROOT / page):
        if block.language == "console":
            reader.follow(block)


def test_no_page_is_followed_twice() -> None:
    assert not set(HOW_TO) & set(FOLLOWED)


def typed(page: str) -> list[Block]:
    return [block for block in blocks(ROOT / page) if block.language == "console"]


@pytest.mark.parametrize("page", HOW_TO)
def test_a_page_that_is_typed_has_something_to_type(page: str) -> None:
    assert any(not block.reason for block in typed(page))
