"""supervisord, with its default settings but for the paths."""

from __future__ import annotations

import shlex
from pathlib import Path

from benchmarks.install import install_python
from benchmarks.peers.base import Peer, Programs

CONFIGURATION = """\
[supervisord]
logfile = %(here)s/supervisord.log
pidfile = %(here)s/supervisord.pid
childlogdir = %(here)s

[unix_http_server]
file = %(here)s/supervisor.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://%(here)s/supervisor.sock

"""
PROGRAM = """\
[program:sleeper]
command = {command}
numprocs = {instances}
process_name = %(process_num)03d
"""


def install(cache: Path) -> Peer:
    folder, version = install_python(cache, "supervisor", "supervisor")
    control = (str(folder / "supervisorctl"), "-c", "supervisord.conf")
    return Peer(
        name="supervisord",
        version=version,
        write=write,
        up=(str(folder / "supervisord"), "-c", "supervisord.conf"),
        stays=False,
        status=(*control, "status"),
        down=(*control, "shutdown"),
        restarts=True,
        steady_seconds=1.0,  # startsecs' default: RUNNING after that
        tick_seconds=1.0,  # supervisord.runforever: select with a timeout of 1
    )


def write(directory: Path, programs: Programs) -> None:
    program = PROGRAM.format(command=shlex.join(programs.argv), instances=programs.instances)
    (directory / "supervisord.conf").write_text(CONFIGURATION + program)
