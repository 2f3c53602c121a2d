"""A real site that hangs: it leaves the traceback of what it hung in, and is started again."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.console.project import Project, await_true
from tests.e2e.site import make_site, pids

# A lock taken twice, once in Python, where a handler of the server's own still runs, and once in C, where none does.
URLS = """\
import ctypes, threading
from django.http import HttpResponse
from django.urls import path

def deadlock(request):
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()

def deadlock_in_c(request):
    libc, mutex = ctypes.PyDLL(None), ctypes.create_string_buffer(256)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)

urlpatterns = [
    path("", lambda request: HttpResponse("hello")),
    path("deadlock/", deadlock),
    path("deadlock_in_c/", deadlock_in_c),
]
"""
PROCESSES = """
PRODUCTION_PROCESSES = {{
    "web": {{
        "BACKEND": "{backend}",
        "ARGS": {args},
        "LIVENESS": {{"path": "/", "interval": "200ms", "timeout": "2s", "failures": 2}},
    }},
}}
"""


GUNICORN = ("gunicorn", {"bind": "unix:{}", "worker_class": "sync", "timeout": 3600})
UVICORN = ("uvicorn", {"uds": "{}", "interface": "wsgi"})


@pytest.mark.parametrize(
    ("server", "where"), [(GUNICORN, "deadlock"), (GUNICORN, "deadlock_in_c"), (UVICORN, "deadlock_in_c")]
)
def test_a_hung_site_leaves_its_traceback(
    project: Project, tmp_path: Path, server: tuple[str, dict[str, object]], where: str
) -> None:
    """The worker of gunicorn, which handles SIGABRT itself; and a server without workers."""
    path = tmp_path / "web.sock"
    backend, options = server
    args = {name: value.format(path) if isinstance(value, str) else value for name, value in options.items()}
    make_site(project, PROCESSES.format(backend=backend, args=args))
    (project.directory / "myproject" / "urls.py").write_text(URLS)
    project.ok("up", "-d")
    pid = pids(project)["web.1"]
    ask(path, where)
    await_true(lambda: pids(project).get("web.1", pid) != pid, "it was started again")
    said = project.ok("logs", "web", "-n", "all", "--no-times").out
    assert f"in {where}\n" in said, said
    events = project.ok("events").out
    assert "hung: GET /: no answer within 2 s, 2 times" in events


def ask(path: Path, page: str) -> None:
    """Send the request that hangs, and do not wait for its answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(f"GET /{page}/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
