"""breakpoint() in a real site: in a web server's worker, under runserver's reloader, in Celery's pools; and left in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.project import DEADLINE_SECONDS, Project, await_true
from tests.e2e.site import CELERY, make_site
from tests.supervisor.test_listeners import free_port

URLS = """
from django.http import HttpResponse
from django.urls import path

def stop(request):
    answer = 6
    breakpoint()
    return HttpResponse(f"the answer is {answer}")

urlpatterns = [path("", stop)]
"""
TASK = """

@app.task(name="stop")
def stop():
    answer = 6
    breakpoint()
    print("the answer is", answer)
"""
SEND = "from myproject.celery import app; app.send_task('stop')"
ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=60).read().decode())"
GUNICORN = '"BACKEND": "gunicorn", "ARGS": {"bind": "127.0.0.1:PORT"}, "TTY": True'
RUNSERVER = """
    "BACKEND": "manage", "COMMAND": "runserver 127.0.0.1:PORT", "TTY": True,
    "READINESS": {"TYPE": "tcp", "ADDRESS": "127.0.0.1:PORT"},
"""
LEAVE = b"\x1d"


def declare(project: Project, process: str) -> None:
    make_site(project, f'PRODUCTION_PROCESSES = {{"it": {{{process}}}}}\n')
    (project.directory / "myproject" / "urls.py").write_text(URLS)
    (project.directory / "myproject" / "celery.py").write_text(CELERY + TASK)


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """What is to have ended after the test."""
    children: list[subprocess.Popen[str]] = []
    yield children
    for child in children:
        child.kill()
        child.communicate()


def at_breakpoint(project: Project, file: str) -> None:
    """Attach, look, change a variable, go on."""
    terminal = project.terminal("attach", "it")
    terminal.await_text("procession: it.1: stopped at ")
    assert "to be there: procession attach it.1" in terminal.shown
    terminal.await_text("(Pdb)")
    assert f"{file}(" in terminal.shown
    terminal.type(b"p answer * 7\r")
    terminal.await_text("(Pdb)", after="\n42")  # what is typed before pdb reads may be thrown away
    terminal.type(b"answer = 42\r")
    terminal.await_text("(Pdb)", after="answer = 42")
    terminal.type(b"c\r" + LEAVE)
    assert terminal.ended() == 0


@pytest.mark.slow
@pytest.mark.parametrize("process", [GUNICORN, RUNSERVER], ids=["gunicorn", "runserver"])
def test_in_a_view(project: Project, started: list[subprocess.Popen[str]], process: str) -> None:
    port = str(free_port())
    declare(project, process.replace("PORT", port))
    project.ok("up", "-d")
    started.append(
        subprocess.Popen([sys.executable, "-c", ASK, f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE, text=True)
    )
    at_breakpoint(project, "urls.py")
    answer, _ = started[0].communicate(timeout=DEADLINE_SECONDS)
    assert answer == "the answer is 42\n"
    assert "(Pdb) p answer * 7" in log_of(project)


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["solo", "prefork"])
def test_in_a_celery_task(project: Project, pool: str) -> None:
    """A pool's child has no stdin, and its stdout goes to Celery's log."""
    args = f'{{"pool": "{pool}", "concurrency": 1}}'
    declare(project, f'"BACKEND": "celery-worker", "APP": "myproject.celery", "ARGS": {args}, "TTY": True')
    project.ok("up", "-d")
    subprocess.run([sys.executable, "-c", SEND], cwd=project.directory, check=True, timeout=DEADLINE_SECONDS)
    at_breakpoint(project, "celery.py")
    await_true(lambda: "the answer is" in log_of(project), "the task has not gone on")
    await_true(lambda: "42" in log_of(project).partition("the answer is")[2], "with another answer")


@pytest.mark.slow
def test_one_that_was_left_in_makes_no_request_fail(project: Project) -> None:
    """Python's own would raise BdbQuit at the end of /dev/null."""
    port = str(free_port())
    declare(project, f'"BACKEND": "gunicorn", "ARGS": {{"bind": "127.0.0.1:{port}"}}')
    project.ok("up", "-d")
    done = subprocess.run(
        [sys.executable, "-c", ASK, f"http://127.0.0.1:{port}/"],
        capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    assert done.stdout == "the answer is 6\n", done.stderr
    await_true(lambda: "passed over breakpoint() at " in log_of(project), "nothing was said")
    assert "urls.py:7: there is no terminal to stop at" in log_of(project)


def log_of(project: Project) -> str:
    path: Path = project.stack_directory / "log" / "it.1.log"
    return path.read_text() if path.exists() else ""
