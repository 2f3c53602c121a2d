"""A server with several workers is ready when the last of them has loaded the site, and not with the first."""

from __future__ import annotations

import os

import pytest

from tests.backends.serving import free_port
from tests.console.project import Project, await_true
from tests.e2e.site import make_site

PROCESSES = """
ASGI_APPLICATION = "myproject.asgi.application"
PRODUCTION_PROCESSES = {{"web": {{"BACKEND": "{backend}", "ARGS": {{{bind}, "workers": 2}}}}}}
"""
ASGI = """\
from django.core.asgi import get_asgi_application

application = get_asgi_application()
"""
SECOND_ONE_WAITS = """\
import os
from pathlib import Path

here = Path(__file__).resolve().parent
try:
    os.close(os.open(here / "first", os.O_CREAT | os.O_EXCL))
except FileExistsError:
    (here / "go").read_bytes()

urlpatterns = []
"""


@pytest.mark.parametrize(
    "backend", ["gunicorn", "gunicorn-asgi", "uvicorn", "granian-wsgi", "granian-asgi", "hypercorn"]
)
def test_it_is_ready_with_the_last_worker(backend: str, project: Project) -> None:
    port = free_port()
    bind = f'"bind": "127.0.0.1:{port}"' if backend.startswith(("gunicorn", "hypercorn")) else f'"port": {port}'
    make_site(project, PROCESSES.format(backend=backend, bind=bind))
    folder = project.directory / "myproject"
    (folder / "asgi.py").write_text(ASGI)
    (folder / "urls.py").write_text(SECOND_ONE_WAITS)
    os.mkfifo(folder / "go")
    project.ok("up", "-d", "--no-wait")
    await_true(lambda: "1 of 2 workers have loaded the site" in project.run("status").out, "the first has")
    (folder / "go").write_bytes(b"")
    await_true(lambda: project.instance("web.1")["phase"] == "ready", "the other has, too")
