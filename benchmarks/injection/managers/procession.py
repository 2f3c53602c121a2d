"""Procession itself, installed from this tree, with its default settings."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.injection.managers.base import Manager, Service
from benchmarks.install import add_python, install_tree

TREE = Path(__file__).resolve().parents[3]


def install(cache: Path) -> Manager:
    folder, version = install_tree(cache, TREE)
    add_python(cache, "procession", "gunicorn", "django")
    command = str(folder / "procession")
    return Manager(
        name="procession",
        version=version,
        write=write,
        configuration="procession.toml",
        up=(command, "up", "-d", "--wait"),
        stays=False,
        find_pid=find_pid,
        status=(command, "status"),
        restart=lambda name: (command, "restart", name),
        rereads={"update": (command, "update")},
        mistake="[processes\n",
        down=(command, "down"),
        states=("crash-looping", "backoff", "starting", "ready", "failed"),
    )


def write(directory: Path, services: tuple[Service, ...]) -> None:
    """JSON strings and lists of ASCII paths are TOML ones."""
    (directory / "procession.toml").write_text("".join(map(_section, services)))


def _section(service: Service) -> str:
    runs = f"COMMAND = {json.dumps(service.argv)}"
    if service.bind:
        runs = f'BACKEND = "gunicorn"\nARGS = {{ bind = "{service.bind}" }}'
    return f'[processes.{service.name}]\n{runs}\nLOG = {{ FILE = "{service.log}" }}\n\n'


def find_pid(directory: Path) -> int:
    """The lock that a supervisor holds has its pid in it."""
    return int((directory / ".procession" / "supervisor.lock").read_text())
