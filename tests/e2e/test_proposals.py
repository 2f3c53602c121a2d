"""What `init` proposes for a site is without mistakes, and is what the site has installed."""

from __future__ import annotations

import pytest

from tests.console.project import Project
from tests.e2e.site import make_site

DATABASE = 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite3"}}\n'
SITES = {
    "django_celery_beat": ("web", "worker", "beat"),
    "huey.contrib.djhuey": ("web", "worker", "beat", "huey"),
    "django_rq": ("web", "worker", "beat", "rq"),
    "procrastinate.contrib.django": ("web", "worker", "beat", "procrastinate"),
}


@pytest.mark.parametrize("app", SITES)
def test_a_proposal_that_is_written_down_passes_check_and_is_listed(project: Project, app: str) -> None:
    rq = 'RQ_QUEUES = {"default": {"HOST": "localhost", "PORT": 6379, "DB": 0}}\n' if app == "django_rq" else ""
    make_site(
        project, f'{DATABASE}INSTALLED_APPS += ["{app}"]\n{rq}'
    )  # its celery.py has a schedule: so each has a beat
    project.ok("init", "--write")
    assert f"{len(SITES[app])} processes, " in project.ok("check").out
    declared = project.ok("render", "--json").out
    assert [name for name in SITES[app] if f'"name": "{name}"' not in declared] == []
