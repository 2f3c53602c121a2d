"""What the Django app tells the supervisor, on a real socket, from real processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.backends.registry import find, names
from procession.django.ready import HOOKS, READY
from procession.stack.model import Declaration, Site

PROGRAM = """
import sys, types
from django.conf import settings

urls = types.ModuleType("urls")
urls.urlpatterns = []
sys.modules["urls"] = urls
settings.configure(INSTALLED_APPS=["procession"], ROOT_URLCONF=sys.argv[1], MIDDLEWARE=sys.argv[2:])

import django
django.setup()
from django.apps import apps
print(apps.get_app_config("procession").name, flush=True)
sys.stdin.readline()

from django.core.wsgi import get_wsgi_application
get_wsgi_application()
print("loaded", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[socket.socket]:
    """The end of the notify socket that the supervisor has."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        yield sock


def environment(supervisor: socket.socket, **more: str) -> dict[str, str]:
    told = {"PROCESSION_NOTIFY": supervisor.getsockname(), "PROCESSION_INSTANCE": "web.1"}
    return {"PATH": os.environ["PATH"], **told, **more}


def start(env: dict[str, str], *argv: str, program: str = PROGRAM) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *argv],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def fill(sender: socket.socket, address: str) -> None:
    """Send until the queue takes no more."""
    try:
        while True:
            sender.sendto(b"x", address)
    except BlockingIOError:
        pass


def heard(supervisor: socket.socket) -> str | None:
    try:
        return supervisor.recv(4096).decode()
    except BlockingIOError:
        return None


def test_a_web_process_is_ready_when_its_handler_is_loaded_and_not_before(supervisor: socket.socket) -> None:
    with start(environment(supervisor), "urls", "django.middleware.common.CommonMiddleware") as web:
        assert said(web) == "procession.django"
        assert heard(supervisor) is None
        go_on(web)
        assert said(web) == "loaded"
        assert heard(supervisor) == "READY=1\nINSTANCE=web.1"
        _, errors = web.communicate("\n")
        assert errors == ""
        assert heard(supervisor) is None


def test_a_web_process_whose_urls_are_broken_is_not_ready_and_says_why(supervisor: socket.socket) -> None:
    with start(environment(supervisor), "no_such_urls") as web:
        assert said(web) == "procession.django"
        _, errors = web.communicate("\n\n")
        assert web.returncode == 0
        assert errors.startswith("procession: web.1: is not ready: its urls cannot be loaded: ModuleNotFoundError")
        assert errors.count("\n") == 1
        assert heard(supervisor) is None


WSGI = """
import os
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
print("between", flush=True)
{below}
"""
BY_IMPORT = PROGRAM.replace(
    "from django.core.wsgi import get_wsgi_application\nget_wsgi_application()",
    "sys.path.insert(0, '{folder}'); import outer",
)


def test_a_web_process_is_ready_when_the_last_line_of_its_wsgi_module_has_been_run(
    supervisor: socket.socket, tmp_path: Path
) -> None:
    """The middleware is loaded in the midst of it; and it may be imported by another."""
    (tmp_path / "outer.py").write_text("from inner import application\nprint('outer', flush=True)\nos = input()")
    (tmp_path / "inner.py").write_text(WSGI.format(below="input()"))
    with start(environment(supervisor), "urls", program=BY_IMPORT.format(folder=tmp_path)) as web:
        assert said(web) == "procession.django"
        go_on(web)
        for part in ("between", "outer"):
            assert said(web) == part
            assert heard(supervisor) is None
            go_on(web)
        assert said(web) == "loaded"
        assert heard(supervisor) == "READY=1\nINSTANCE=web.1"
        _, errors = web.communicate("\n")
        assert (web.returncode, errors, heard(supervisor)) == (0, "", None)


def test_a_web_process_whose_wsgi_module_breaks_below_the_application_is_not_ready(
    supervisor: socket.socket, tmp_path: Path
) -> None:
    (tmp_path / "outer.py").write_text(WSGI.format(below="import no_such_wrapper"))
    with start(environment(supervisor), "urls", program=BY_IMPORT.format(folder=tmp_path)) as web:
        _, errors = web.communicate("\n\n")
        assert web.returncode == 1
        assert "No module named 'no_such_wrapper'" in errors
        assert heard(supervisor) is None


def test_a_web_process_whose_middleware_is_broken_is_not_ready(supervisor: socket.socket) -> None:
    with start(environment(supervisor), "urls", "no_such.Middleware") as web:
        _, errors = web.communicate("\n\n")
        assert web.returncode != 0
        assert "no_such" in errors
        assert heard(supervisor) is None


def test_a_command_is_ready_when_the_site_is_set_up(supervisor: socket.socket) -> None:
    with start(environment(supervisor, PROCESSION_READY="command"), "urls") as command:
        assert said(command) == "procession.django"
        assert heard(supervisor) == "READY=1\nINSTANCE=web.1"
        command.communicate("\n\n")
        assert heard(supervisor) is None


def test_without_a_supervisor_nothing_happens(supervisor: socket.socket) -> None:
    env = {"PATH": os.environ["PATH"], "PROCESSION_READY": "command"}
    with start(env, "urls") as command:
        _, errors = command.communicate("\n\n")
        assert (command.returncode, errors) == (0, "")
        assert heard(supervisor) is None


def test_a_supervisor_that_is_gone_is_one_line_on_stderr(supervisor: socket.socket) -> None:
    env = environment(supervisor, PROCESSION_READY="command") | {"PROCESSION_NOTIFY": "/nowhere/notify"}
    with start(env, "urls") as command:
        _, errors = command.communicate("\n\n")
        assert command.returncode == 0
        assert errors == (
            "procession: web.1: cannot tell that it is ready: FileNotFoundError(2, 'No such file or directory')\n"
        )


def test_a_full_queue_does_not_hold_the_site_up(supervisor: socket.socket) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        fill(other, supervisor.getsockname())
    with start(environment(supervisor, PROCESSION_READY="command"), "urls") as command:
        _, errors = command.communicate("\n\n")
        assert command.returncode == 0
        assert "cannot tell that it is ready: BlockingIOError" in errors


def test_a_program_that_has_changed_counts_as_ready_at_once(supervisor: socket.socket, tmp_path: Path) -> None:
    """As a release of huey would be that renames what we wait for."""
    (tmp_path / "huey").mkdir()
    (tmp_path / "huey" / "__init__.py").touch()
    (tmp_path / "huey" / "consumer.py").write_text("class Consumer: pass\n")
    env = environment(supervisor, PROCESSION_READY="huey", PYTHONPATH=str(tmp_path))
    with start(env, "urls") as command:
        _, errors = command.communicate("\n\n")
        assert command.returncode == 0
        assert "cannot see when huey is ready (AttributeError" in errors
        assert heard(supervisor) == "READY=1\nINSTANCE=web.1"


def test_what_a_ready_process_starts_does_not_say_it_again(supervisor: socket.socket) -> None:
    program = (
        PROGRAM + "import subprocess\nsubprocess.run([sys.executable, '-c', sys.stdin.read(), 'urls'], check=True)"
    )
    with start(environment(supervisor, PROCESSION_READY="command"), "urls", program=program) as command:
        command.communicate("\n\n" + PROGRAM.replace("sys.stdin.readline()", ""))
        assert command.returncode == 0
        assert heard(supervisor) == "READY=1\nINSTANCE=web.1"
        assert heard(supervisor) is None


@pytest.mark.parametrize("name", names())
def test_the_app_knows_what_ready_means_in_each_program(name: str) -> None:
    backend = find(name)
    assert backend
    site = Site(directory="/srv", python=sys.executable, wsgi="w:app", asgi="a:app", has_app=True)
    command = backend.build(Declaration(command=("true",)), site, 30.0)
    assert command.environment.get(READY, "app") in HOOKS
