"""circus, with its default settings but for its sockets, which are in the directory instead of on fixed TCP ports."""

from __future__ import annotations

import shlex
from pathlib import Path

from benchmarks.injection.managers.base import Manager, Service
from benchmarks.install import install_python

CONFIGURATION = """\
[circus]
endpoint = ipc://{directory}/control
pubsub_endpoint = ipc://{directory}/events

"""
WATCHER = """\
[watcher:{name}]
cmd = {command}
stdout_stream.class = FileStream
stdout_stream.filename = {log}
stderr_stream.class = FileStream
stderr_stream.filename = {log}

"""


def install(cache: Path) -> Manager:
    folder, version = install_python(cache, "circus", "circus")
    control = (str(folder / "circusctl"), "--endpoint", "ipc://control")
    return Manager(
        name="circus",
        version=version,
        write=write,
        configuration="circus.ini",
        up=(str(folder / "circusd"), "circus.ini"),
        stays=True,
        status=(*control, "status"),
        restart=lambda name: (*control, "reload", name),
        rereads={"reloadconfig": (*control, "reloadconfig")},
        mistake="[watcher:other]\ncmd = true\nnumprocesses = some\n",
        down=(*control, "quit"),
        states=("active", "stopped", "starting"),
    )


def write(directory: Path, services: tuple[Service, ...]) -> None:
    watchers = [
        WATCHER.format(name=service.name, command=shlex.join(service.argv), log=service.log) for service in services
    ]
    (directory / "circus.ini").write_text(CONFIGURATION.format(directory=directory) + "".join(watchers))
