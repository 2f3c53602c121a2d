"""s6 from Debian: the mark that C sets. One service directory an instance; a status is asked of one service a time."""

from __future__ import annotations

import shlex
from pathlib import Path

from benchmarks.install import install_debian
from benchmarks.peers.base import Peer, Programs


def install(_cache: Path) -> Peer:
    version = install_debian("s6", "s6-svscan")
    return Peer(
        name="s6",
        version=version,
        write=write,
        up=("s6-svscan", "services"),
        stays=True,
        status=("sh", "-c", 'for service in services/*; do s6-svstat "$service"; done'),
        down=("s6-svscanctl", "-t", "services"),
        restarts=True,
        steady_seconds=1.0,  # young or old, 2.11 waits a second after each death
        tick_seconds=0.0,
    )


def write(directory: Path, programs: Programs) -> None:
    script = f"#!/bin/sh\nexec {shlex.join(programs.argv)}\n"
    for number in range(1, programs.instances + 1):
        service = directory / "services" / f"sleeper-{number}"
        service.mkdir(parents=True)
        (service / "run").write_text(script)
        (service / "run").chmod(0o755)
