"""The machine that the how-to pages are about, in one folder: a Django site in /srv/mysite, nginx and supervisord.

Who follows a page types `sudo nginx -s reload`: that is the real nginx, started by us with a configuration of ours.
What a page calls /srv/mysite, port 8000 or mysite.example is in `words`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.backends.serving import free_port
from tests.console.project import Project, await_true
from tests.docs.reader import Reader

CELERY = """\
import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

app = Celery("mysite", include=["mysite.tasks"])
app.config_from_object("django.conf:settings", namespace="CELERY")
"""
TASKS = """\
from celery import shared_task


@shared_task
def greet():
    print("Hello from the worker")
"""
SETTINGS = """
ALLOWED_HOSTS = ["*"]
QUEUE = BASE_DIR / "queue"
QUEUE.mkdir(exist_ok=True)
CELERY_BROKER_URL = "filesystem://"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "data_folder_in": str(QUEUE),
    "data_folder_out": str(QUEUE),
    "control_folder": str(QUEUE / "control"),
}
"""
RELOAD = """\
#!/bin/sh
# nginx, where a reload is over when the old workers are: a person is no quicker.
[ "$*" != "-s reload" ] || old=$(pgrep -P "$(cat {pid})")
{program} "$@" || exit
for pid in $old; do tail --pid="$pid" -s 0.05 -f /dev/null; done
"""
NGINX = """\
pid {root}/nginx.pid;
error_log {root}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    include {root}/etc/nginx/conf.d/*.conf;
}}
"""
SUPERVISORD = """\
[supervisord]
logfile = {root}/supervisord.log
pidfile = {root}/supervisord.pid
directory = {root}
[unix_http_server]
file = {root}/supervisor.sock
[supervisorctl]
serverurl = unix://{root}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[include]
files = {root}/etc/supervisor/conf.d/*.conf
"""
SUPERVISORD_CONF, NGINX_CONF = "etc/supervisor/supervisord.conf", "etc/nginx/nginx.conf"


def make_site(directory: Path) -> None:
    """A new Django project with Celery; its queue is a folder."""
    directory.mkdir(parents=True)
    subprocess.run([beside("django-admin"), "startproject", "mysite", "."], cwd=directory, check=True)
    package = directory / "mysite"
    (package / "celery.py").write_text(CELERY)
    (package / "tasks.py").write_text(TASKS)
    with (package / "settings.py").open("a") as settings:
        settings.write(SETTINGS)


def beside(program: str) -> str:
    """The path of a program that is installed beside this Python."""
    return str(Path(sys.executable).parent / program)


class Machine:
    """`root` is an empty folder with a short path: a unix socket's may have 107 bytes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.site = root / "srv/mysite"
        self.port, self.next_port, self.front_port = free_port(), free_port(), free_port()
        self._started: list[subprocess.Popen[bytes]] = []
        (root / "bin").mkdir()

    @property
    def words(self) -> Sequence[tuple[str, str]]:
        """What the pages say, and what it is here; the first that fits wins."""
        return (
            ("/srv/mysite/.venv/bin/", f"{os.path.dirname(sys.executable)}/"),
            ("/srv/", f"{self.root}/srv/"),
            ("/etc/", f"{self.root}/etc/"),
            ("sudo ", ""),
            ("user=mysite\n", ""),
            ("listen 80;", f"listen 127.0.0.1:{self.front_port};"),
            ("http://mysite.example/", f"http://127.0.0.1:{self.front_port}/"),
            ("procession dashboard", "procession dashboard --port 0"),
            ("8001", str(self.next_port)),
        )

    @property
    def _environment(self) -> Mapping[str, str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith(("PROCESSION_", "DJANGO_"))}
        return {**own, "PATH": self._path}

    @property
    def _path(self) -> str:
        return f"{self.root / 'bin'}:{os.path.dirname(sys.executable)}:{os.environ['PATH']}"

    def reader(self) -> Reader:
        reader = Reader(self.root, self.port, {"PATH": self._path}, installs=False, words=self.words)
        reader.directory = self.site
        return reader

    def start_docker_compose(self) -> None:
        """`docker compose` without a daemon: it reads files, and says what is wrong with them."""
        self._command("docker", f'#!/bin/sh\nshift\nexec {beside("docker-compose")} "$@"\n')

    def ok(self, program: str, *arguments: str) -> None:
        """Run that to its end, in the site's folder; it must end well."""
        command = [beside(program), *arguments]
        subprocess.run(command, cwd=self.site, check=True, stdin=subprocess.DEVNULL, env=self._environment)

    def start(self, program: str, *arguments: str) -> None:
        """One of the programs that are installed beside this Python, in the site's folder."""
        self._start(beside(program), *arguments, directory=self.site)

    def start_nginx(self) -> None:
        self._write(NGINX_CONF, NGINX)
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
        program = f"{program} -c {self.root / NGINX_CONF}"
        self._command("nginx", RELOAD.format(program=program, pid=self.root / "nginx.pid"))
        self._start(*program.split(), "-g", "daemon off;")
        await_true((self.root / "nginx.pid").exists, "nginx has started")

    def start_supervisord(self) -> None:
        self._write(SUPERVISORD_CONF, SUPERVISORD)
        program = f"{beside('supervisorctl')} -c {self.root / SUPERVISORD_CONF}"
        self._command("supervisorctl", f'#!/bin/sh\nexec {program} "$@"\n')
        self._start(beside("supervisord"), "--nodaemon", "--configuration", str(self.root / SUPERVISORD_CONF))
        await_true((self.root / "supervisor.sock").exists, "supervisord has started")

    def _write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(root=self.root))

    def _command(self, name: str, text: str) -> None:
        """A command of that name, in front of all others."""
        path = self.root / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def _start(self, *command: str, directory: Path | None = None) -> None:
        with (self.root / "started.log").open("ab") as log:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory or self.root,
                env=self._environment,
            )  # fmt: skip
        self._started.append(child)

    def end_last(self) -> None:
        """End what was started last."""
        child = self._started.pop()
        child.send_signal(signal.SIGTERM)
        child.wait()

    def end(self) -> list[int]:
        """End all of it; the pids of what still ran of the site."""
        left = self._end_site(self.site)
        for child in reversed(self._started):
            child.send_signal(signal.SIGTERM)
            child.wait()
        return left

    def _end_site(self, directory: Path) -> list[int]:
        project = Project.__new__(Project)
        project.directory = directory
        project.stack_directory = directory / ".procession"
        project._terminals = []
        left = project.members()
        project.end()
        return left
