"""circus, with its default settings but for its sockets, which are in the directory instead of on fixed TCP ports.

No `stats_endpoint`: to name one turns its stats helper on, which is off by default (circus/config.py).
"""

from __future__ import annotations

import shlex
from pathlib import Path

from benchmarks.install import install_python
from benchmarks.peers.base import Peer, Programs

CONFIGURATION = """\
[circus]
endpoint = ipc://{directory}/control
pubsub_endpoint = ipc://{directory}/events

[watcher:sleeper]
cmd = {command}
numprocesses = {instances}
"""


def install(cache: Path) -> Peer:
    folder, version = install_python(cache, "circus", "circus")
    control = (str(folder / "circusctl"), "--endpoint", "ipc://control")
    return Peer(
        name="circus",
        version=version,
        write=write,
        up=(str(folder / "circusd"), "circus.ini"),
        stays=True,
        status=(*control, "status"),
        down=(*control, "quit"),
        restarts=True,
        steady_seconds=0.0,  # it makes no difference between young and old
        tick_seconds=5.0,  # check_delay's default
    )


def write(directory: Path, programs: Programs) -> None:
    text = CONFIGURATION.format(directory=directory, command=shlex.join(programs.argv), instances=programs.instances)
    (directory / "circus.ini").write_text(text)
