"""`procession dev` with a Django site and a Celery worker: new code answers, and what was begun is finished."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from tests.console.project import Project, await_true

SETTINGS = """\
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY, DEBUG, ROOT_URLCONF = "x", True, "mysite.urls"
INSTALLED_APPS = ["procession"]
DATABASES = {}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [BASE_DIR / "templates"]}]
BROKER = {"data_folder_in": f"{BASE_DIR}/queue", "data_folder_out": f"{BASE_DIR}/queue",
          "control_folder": f"{BASE_DIR}/control"}
"""
URLS = """\
import pathlib, time
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
VERSION = "one"
BASE = pathlib.Path(__file__).parent.parent
def slow(request):
    (BASE / "begun").touch()
    while not (BASE / "go").exists():
        time.sleep(0.01)
    return HttpResponse(f"slow {VERSION}")
urlpatterns = [
    path("", lambda request: HttpResponse(VERSION)),
    path("page/", lambda request: render(request, "page.html")),
    path("slow/", slow),
]
"""
CELERY = """\
import pathlib, time
from celery import Celery
from django.conf import settings
app = Celery("mysite", broker="filesystem://")
app.conf.update(broker_transport_options=settings.BROKER, task_ignore_result=True)
BASE = pathlib.Path(__file__).parent.parent
VERSION = "one"
@app.task
def slow():
    (BASE / "task-begun").touch()
    while not (BASE / "go").exists():
        time.sleep(0.01)
    with (BASE / "done").open("a") as file:
        file.write(f"{VERSION}\\n")
"""
MANAGE = """\
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
SEND = "import django; django.setup(); from mysite.celery import slow; slow.delay()"


@pytest.fixture
def port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def site(project: Project) -> Project:
    project.stack_directory /= "dev"
    for name in ("mysite", "templates", "queue", "control"):
        (project.directory / name).mkdir()
    for file, text in (("settings", SETTINGS), ("urls", URLS), ("celery", CELERY), ("__init__", "")):
        (project.directory / "mysite" / f"{file}.py").write_text(text)
    (project.directory / "templates" / "page.html").write_text("first page")
    (project.directory / "manage.py").write_text(MANAGE)
    return project


def declare(site: Project, text: str) -> None:
    (site.directory / "mysite" / "settings.py").write_text(SETTINGS + text)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def get(port: int, path: str = "") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=60) as answer:
        return str(answer.read().decode())


def test_new_code_answers_and_no_request_is_refused_meanwhile(site: Project, port: int) -> None:
    terminal = site.terminal("dev", "--port", str(port))
    terminal.await_text(f"site is up: web on http://127.0.0.1:{port}/")
    assert "nothing is declared for development" in terminal.shown
    assert get(port) == "one"
    edit(site.directory / "mysite" / "urls.py", '"one"', '"two"')
    terminal.await_text("-- 1 file changed (mysite/urls.py): web restarts")
    answers = {get(port) for _ in range(20)}  # from before its end, through its absence, to its new life
    terminal.await_text("-- web.1: ready after", times=2)
    assert answers <= {"one", "two"}
    assert get(port) == "two"
    terminal.press_ctrl_c()
    assert terminal.ended() == 0


def test_a_request_under_way_is_answered_by_the_code_that_began_it(site: Project, port: int) -> None:
    terminal = site.terminal("dev", "--port", str(port))
    terminal.await_text("site is up")
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(get(port, "slow/")))
    thread.start()
    await_true((site.directory / "begun").exists, "the request has begun")
    edit(site.directory / "mysite" / "urls.py", '"one"', '"two"')
    terminal.await_text("web restarts")
    await_true(lambda: site.instance("web.1")["phase"] == "stopping", "it is asked to end")
    (site.directory / "go").touch()
    thread.join(60)
    assert answers == ["slow one"]
    terminal.await_text("-- web.1: ready after", times=2)
    assert get(port) == "two"
    terminal.press_ctrl_c()
    assert terminal.ended() == 0


def test_a_changed_template_is_shown_without_a_restart(site: Project, port: int) -> None:
    terminal = site.terminal("dev", "--port", str(port))
    terminal.await_text("site is up")
    assert get(port, "page/") == "first page"
    (site.directory / "templates" / "page.html").write_text("second page")
    terminal.await_text("(templates/page.html): web reads templates anew")
    await_true(lambda: get(port, "page/") == "second page", "the template is read anew")
    assert site.instance("web.1")["restarts"] == 0
    terminal.press_ctrl_c()
    assert terminal.ended() == 0


def test_a_worker_finishes_its_task_and_the_next_one_has_new_code(site: Project) -> None:
    declare(
        site,
        'DEVELOPMENT_PROCESSES = {"worker": {"BACKEND": "celery-worker", "APP": "mysite.celery",'
        ' "ARGS": {"pool": "solo"}, "STOP_TIMEOUT": 60}}\n',
    )
    terminal = site.terminal("dev")
    terminal.await_text("-- site is up")
    send(site)
    await_true((site.directory / "task-begun").exists, "the task has begun")
    edit(site.directory / "mysite" / "celery.py", '"one"', '"two"')
    terminal.await_text("-- 1 file changed (mysite/celery.py): worker restarts")
    await_true(lambda: site.instance("worker.1")["phase"] == "stopping", "it is asked to end")
    (site.directory / "go").touch()
    terminal.await_text("-- worker.1: ready after", times=2)
    assert (site.directory / "done").read_text() == "one\n"
    send(site)
    await_true(lambda: (site.directory / "done").read_text() == "one\ntwo\n", "the new code does the next task")
    terminal.press_ctrl_c()
    assert terminal.ended() == 0


def test_changed_settings_are_a_changed_declaration(site: Project, port: int) -> None:
    web = f'"web": {{"BACKEND": "manage", "COMMAND": "runserver 127.0.0.1:{port}"}}'
    declare(site, f"DEVELOPMENT_PROCESSES = {{{web}}}\n")
    terminal = site.terminal("dev")
    terminal.await_text("site is up")
    declare(site, f'DEVELOPMENT_PROCESSES = {{{web}, "more": {{"COMMAND": "sleep 1000"}}}}\n')
    terminal.await_text("(mysite/settings.py): the declaration is read again; web restarts")
    terminal.await_text("-- more.1: ready after")
    terminal.await_text("-- web.1: ready after", times=2)
    terminal.press_ctrl_c()
    assert terminal.ended() == 0


def test_productions_web_server_is_replaced_and_its_worker_is_not(site: Project, port: int) -> None:
    declare(
        site,
        'PRODUCTION_STACK = {"USER": "www-data", "ENV_FILE": "/nonexistent/env"}\n'
        'PRODUCTION_PROCESSES = {"site": {"BACKEND": "gunicorn", "ARGS": {"bind": "0.0.0.0:80"}, "REPLICAS": 4},\n'
        '    "ticks": {"COMMAND": "sleep 1000"}}\n',
    )
    terminal = site.terminal("dev", "--port", str(port))
    terminal.await_text(f"site is up: site on http://127.0.0.1:{port}/")
    assert "this is PRODUCTION_PROCESSES, with runserver as site" in terminal.shown
    assert [view["name"] for view in site.status()["instances"]] == ["site.1", "ticks.1"]
    assert get(port) == "one"
    terminal.press_ctrl_c()
    assert terminal.ended() == 0


def send(site: Project) -> None:
    environment = site.environment({"DJANGO_SETTINGS_MODULE": "mysite.settings"})
    subprocess.run([sys.executable, "-c", SEND], cwd=site.directory, env=environment, check=True, timeout=60)
