"""A small Django site as files: a page, a Celery task on the filesystem broker, beat to trigger it, numbered lines."""

from __future__ import annotations

import re
from pathlib import Path

from tests.console.project import Project

MANAGE = """\
import os, sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myproject.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
"""
SETTINGS = """\
SECRET_KEY = "x"
INSTALLED_APPS = ["procession"]
ROOT_URLCONF = "myproject.urls"
WSGI_APPLICATION = "myproject.wsgi.application"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
"""
URLS = """\
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse("hello"))]
"""
WSGI = """\
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
"""
CELERY = """\
import os
from pathlib import Path

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myproject.settings")
queue, control = (Path(__file__).resolve().parents[1] / "broker" / name for name in ("queue", "control"))
queue.mkdir(parents=True, exist_ok=True)

app = Celery("myproject", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": str(queue), "data_folder_out": str(queue), "control_folder": str(control),
}
app.conf.broker_connection_retry_on_startup = True
app.conf.beat_schedule = {"tick": {"task": "tick", "schedule": 0.5}}


@app.task(name="tick")
def tick():
    print("the task ran")
"""
# A new life goes on where the last one was: the number is kept in a file, after its line has been written.
COUNT = """\
import os, time

path = "count-" + os.environ["PROCESSION_INSTANCE"]
number = int(open(path).read()) if os.path.exists(path) else 0
while True:
    os.write(1, b"line %d\\n" % number)
    number += 1
    with open(path + ".new", "w") as file:
        file.write(str(number))
    os.replace(path + ".new", path)
    time.sleep(0.001)
"""
LINE = re.compile(r"line (\d+)")


def make_site(project: Project, processes: str) -> None:
    """Write the site; `processes` is the end of its settings, PRODUCTION_PROCESSES."""
    files = {"manage.py": MANAGE, "count.py": COUNT}
    files |= {f"myproject/{name}.py": text for name, text in (("urls", URLS), ("wsgi", WSGI), ("celery", CELERY))}
    (project.directory / "myproject").mkdir()
    for name, text in {**files, "myproject/__init__.py": ""}.items():
        (project.directory / name).write_text(text)
    write_settings(project, processes)


def write_settings(project: Project, processes: str | bytes) -> None:
    more = processes if isinstance(processes, bytes) else processes.encode()
    (project.directory / "myproject" / "settings.py").write_bytes(SETTINGS.encode() + more)


def check_numbers(project: Project, instance: str) -> None:
    """Every line that COUNT has written is in the log, in order; only a line whose number was not kept is there twice.

    A kill between the line and the file makes the next life say it again. That is the program's, and no lost line.
    """
    written = int((project.directory / f"count-{instance}").read_text())
    numbers = logged_numbers(project.ok("logs", instance, "-n", "all", "--no-times").out)
    assert numbers == sorted(numbers)
    assert set(numbers) in (set(range(written)), set(range(written + 1)))


def logged_numbers(text: str) -> list[int]:
    return [int(found[1]) for found in LINE.finditer(text)]


def pids(project: Project) -> dict[str, int]:
    """The main process of each instance that has one."""
    return {view["name"]: view["pid"] for view in project.status()["instances"] if view["pid"]}


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
