"""supervisord, with its default settings but for the paths, and no rotation of a log that may be a FIFO or a device."""

from __future__ import annotations

import shlex
from pathlib import Path

from benchmarks.injection.managers.base import Manager, Service
from benchmarks.install import install_python
from benchmarks.peers.supervisord import CONFIGURATION

PROGRAM = """\
[program:{name}]
command = {command}
stdout_logfile = {log}
stdout_logfile_maxbytes = 0
redirect_stderr = true

"""


def install(cache: Path) -> Manager:
    folder, version = install_python(cache, "supervisor", "supervisor")
    control = (str(folder / "supervisorctl"), "-c", "supervisord.conf")
    return Manager(
        name="supervisord",
        version=version,
        write=write,
        configuration="supervisord.conf",
        up=(str(folder / "supervisord"), "-c", "supervisord.conf"),
        stays=False,
        find_pid=lambda directory: int((directory / "supervisord.pid").read_text()),
        status=(*control, "status"),
        restart=lambda name: (*control, "restart", name),
        rereads={"update": (*control, "update"), "reload": (*control, "reload")},
        mistake="[program:other]\ncommand = true\nautorestart = perhaps\n",
        down=(*control, "shutdown"),
        states=("FATAL", "BACKOFF", "STARTING", "RUNNING", "EXITED"),
    )


def write(directory: Path, services: tuple[Service, ...]) -> None:
    programs = [
        PROGRAM.format(name=service.name, command=shlex.join(service.argv), log=service.log) for service in services
    ]
    (directory / "supervisord.conf").write_text(CONFIGURATION + "".join(programs))
