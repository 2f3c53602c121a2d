"""honcho: no status, no restart (one death ends all), no daemon. Measured where it does the same job."""

from __future__ import annotations

import shlex
from pathlib import Path

from benchmarks.install import install_python
from benchmarks.peers.base import Peer, Programs


def install(cache: Path) -> Peer:
    folder, version = install_python(cache, "honcho", "honcho")
    return Peer(
        name="honcho",
        version=version,
        write=write,
        up=(str(folder / "honcho"), "start"),
        stays=True,
        status=None,
        down=None,
        restarts=False,
        steady_seconds=1.0,  # stopped before it has read every start event, it forgets the rest and hangs
        tick_seconds=0.0,
    )


def write(directory: Path, programs: Programs) -> None:
    command = shlex.join(programs.argv)
    lines = [f"sleeper{number}: {command}\n" for number in range(1, programs.instances + 1)]
    (directory / "Procfile").write_text("".join(lines))
