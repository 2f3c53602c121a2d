"""Three rolls of each web server under load: what it answers, and what it loses.

A site that takes its time to boot, 16 clients, half of which keep their connections. docs/reasons/rolling.md explains
the figures; run with -rP to see them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest

from tests.backends.serving import free_port
from tests.console.project import Project
from tests.e2e.load import CLIENTS, Load
from tests.e2e.site import make_site

ROLLS = 3
BOOT_SECONDS = 1.5
TWICE = CLIENTS  # each of the kept connections, half of all, and once more where the next was the old one's again
PROCESSES = """
PRODUCTION_PROCESSES = {{"web": {{"BACKEND": {backend!r}, "ARGS": {args!r}}}}}
"""
URLS = """\
import asyncio, time
from django.http import HttpResponse
from django.urls import path

def work(request):
    time.sleep(0.02)
    return HttpResponse("hello")

async def work_async(request):
    await asyncio.sleep(0.02)
    return HttpResponse("hello")

urlpatterns = [path("", work), path("async/", work_async)]
"""
SLOW_BOOT = f"""\
import time
time.sleep({BOOT_SECONDS})
"""
APPLICATION = (
    SLOW_BOOT
    + """\
from django.core.{kind} import get_{kind}_application

application = get_{kind}_application()
"""
)


@dataclass(frozen=True)
class Server:
    """A backend, its ARGS, and what a roll of it may lose: no more than the server does elsewhere."""

    backend: str
    args: dict[str, object] = field(default_factory=dict)
    path: str = "/"
    kept_max: int = 0  # requests lost in a roll on connections that the client keeps
    new_max: int = 0  # on connections of their own

    def declaration(self, port: int) -> str:
        bind = {"port": port} if self.takes_port else {"bind": f"127.0.0.1:{port}"}
        return PROCESSES.format(backend=self.backend, args={**bind, **self.args})

    @property
    def takes_port(self) -> bool:
        return self.backend.startswith(("uvicorn", "granian", "daphne", "waitress"))


SERVERS = {
    "gunicorn sync": Server("gunicorn", {"workers": 4}),
    "gunicorn gthread": Server("gunicorn", {"worker-class": "gthread", "threads": 16}),
    "gunicorn asgi": Server("gunicorn-asgi", path="/async/"),
    "granian wsgi": Server("granian-wsgi", {"blocking-threads": 16}),
    "granian asgi": Server("granian-asgi", path="/async/"),
    "uvicorn": Server("uvicorn", path="/async/", kept_max=TWICE, new_max=2),
    "uvicorn, two workers": Server("uvicorn", {"workers": 2}, path="/async/", kept_max=TWICE, new_max=2),
    "hypercorn": Server("hypercorn", path="/async/", kept_max=TWICE, new_max=2),
    "daphne": Server("daphne", path="/async/", kept_max=TWICE, new_max=CLIENTS),
    "waitress": Server("waitress", {"threads": 16}, kept_max=TWICE),
    "cheroot": Server("cheroot", {"threads": 16}, kept_max=TWICE),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_three_rolls(name: str, project: Project) -> None:
    server, port = SERVERS[name], free_port()
    make_slow_site(project, server.declaration(port))
    project.ok("up", "-d")
    first = project.instance("web.1")["pid"]
    with Load(port, server.path) as load:
        load.go_on(500)
        began = time.monotonic()
        for _ in range(ROLLS):
            project.ok("roll", "web")
            load.go_on(100)
    assert project.instance("web.1")["pid"] != first
    normal, rolling = load.figures(before=began), load.figures(since=began)
    print(f"{name}: {rolling}; without a roll {normal.slowest_seconds * 1000:.0f} ms")
    assert normal.lost == 0, set(load.failures())
    assert rolling.lost_kept <= ROLLS * server.kept_max, rolling
    assert rolling.lost_new <= ROLLS * server.new_max, rolling


def make_slow_site(project: Project, processes: str) -> None:
    make_site(project, 'ASGI_APPLICATION = "myproject.asgi.application"\n' + processes)
    folder = project.directory / "myproject"
    (folder / "urls.py").write_text(URLS)
    for kind in ("wsgi", "asgi"):
        (folder / f"{kind}.py").write_text(APPLICATION.format(kind=kind))
