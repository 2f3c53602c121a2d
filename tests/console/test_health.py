"""`procession health` beside a supervisor, in an instance, and what it imports."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.backends.serving import free_port
from tests.console.project import SLEEPER, Project


def test_a_process_is_asked_where_the_supervisor_has_it_listen(project: Project) -> None:
    port = free_port()
    project.declare(f'[processes.web]\nbackend = "gunicorn"\napp = "app:app"\nargs = {{ bind = "127.0.0.1:{port}" }}\n')
    (project.directory / "app.py").write_text(
        "def app(environ, start):\n"
        "    start('200 OK' if environ['PATH_INFO'] == '/-/ready' else '404 Not Found', [])\n"
        "    return [b'']\n"
    )
    project.ok("up", "-d")
    assert project.ok("health").out == project.ok("health", "web").out == "ready\n"
    absent = project.run("health", "web", "--live")
    assert absent.code == 1
    assert "put procession.django.health.HealthMiddleware first in MIDDLEWARE" in absent.err
    assert project.run("health", "wbe").err.startswith("error: no process 'wbe' that listens, did you mean \"web\"?")


def test_nothing_says_where_the_site_listens(project: Project) -> None:
    project.declare(f"[processes.tick]\n{SLEEPER}")
    ended = project.run("health")
    assert ended.code == 2
    assert ended.err.startswith("error: where does the site listen?\n")
    project.ok("up", "-d")
    assert project.run("health").err == "error: no process listens\n"


def test_what_does_not_listen_has_its_heartbeat_looked_at(project: Project, tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    in_it = {"PROCESSION_HEARTBEAT": str(beat)}
    assert project.run("health", environment=in_it).out == "no heartbeat yet\n"
    beat.touch()
    assert project.run("health", environment=in_it).out == "live\n"
    os.utime(beat, (time.time() - 3600, time.time() - 3600))
    late = project.run("health", environment=in_it)
    assert late.code == 1
    assert "its last heartbeat was 36" in late.err


def test_health_imports_nothing_slow(project: Project) -> None:
    script = (
        "import sys; from procession.console.main import main; main(['health', '127.0.0.1:1']);"
        "print(*{'dataclasses', 'json', 'subprocess', 'django', 'ssl', 'http.client', 'email'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.split() in ([], ["json"])
