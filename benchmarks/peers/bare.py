"""The floor: a spawn loop in bare Python that keeps its children up, and nothing else. Status: `python -c pass`."""

from __future__ import annotations

import platform
from pathlib import Path

from benchmarks.install import make_venv
from benchmarks.peers.base import Peer, Programs

LOOP = Path(__file__).resolve().parent / "bare_loop.py"


def install(cache: Path) -> Peer:
    python = str(make_venv(cache, "bare"))
    return Peer(
        name="bare",
        version=f"python {platform.python_version()}",
        write=write,
        up=(python, "-I", "-S", str(LOOP), "programs"),
        stays=True,
        status=(python, "-c", "pass"),
        down=None,
        restarts=True,
        steady_seconds=0.0,
        tick_seconds=0.0,
    )


def write(directory: Path, programs: Programs) -> None:
    """Line 1: how many; then one line an argument."""
    (directory / "programs").write_text("\n".join([str(programs.instances), *programs.argv]))
