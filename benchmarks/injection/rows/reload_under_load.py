"""A web server that takes 1.5 s to boot is restarted in the gentlest way the tool has, while eight clients ask it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from benchmarks.injection import load
from benchmarks.injection.managers.base import Service
from benchmarks.injection.rows.base import Fault, NotOffered, Scale
from benchmarks.injection.trial import Trial
from benchmarks.install import CACHE, add_python, install_python

CLIENTS = 8
BOOT_SECONDS_MAX = 30.0
BEFORE_SECONDS, AFTER_SECONDS = 1.0, 4.0
SITE = Path(__file__).resolve().parent.parent / "site"


def cause(trial: Trial, _scale: Scale) -> str:
    if trial.manager.restart is None:
        raise NotOffered("it can not restart one service")
    port = _free_port()
    shutil.copytree(SITE, trial.directory, dirs_exist_ok=True)
    trial.up(_server(trial, port))
    trial.wait_for(lambda: _answers(port), BOOT_SECONDS_MAX, "the web server answers")
    command = [sys.executable, "-I", "-S", load.__file__, "127.0.0.1", str(port), str(CLIENTS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as clients:
        trial.pass_time(BEFORE_SECONDS)
        done = trial.run(trial.manager.restart("web"))
        trial.pass_time(AFTER_SECONDS)
        said, _ = clients.communicate()
    heard = json.loads(said)
    words = f"{heard['failed']} of {heard['requests']:,} failed, slowest {heard['slowest_seconds']:.2f} s"
    return words if done.status == 0 else f"{words}, exit {done.status}"


def _server(trial: Trial, port: int) -> Service:
    folder, _ = install_python(CACHE, "gunicorn", "gunicorn")
    add_python(CACHE, "gunicorn", "django")
    bind = f"127.0.0.1:{port}"
    return Service("web", (str(folder / "gunicorn"), "--bind", bind, "wsgi"), trial.log_of("web"), bind)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        load.ask(("127.0.0.1", port))
    except OSError:
        return False
    return True


RELOAD_UNDER_LOAD = Fault("reload-under-load", "restart of gunicorn under load, 1.5 s boot", cause)
