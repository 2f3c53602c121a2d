"""Getting the peers: Python tools each into a venv of its own under the cache, others from Debian when root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


class Unavailable(Exception):
    """This tool cannot be had on this machine; the message says why."""


def make_venv(cache: Path, name: str) -> Path:
    """The Python of an empty venv: what the machine's own Python loads at its start would be timed with the tool."""
    venv = cache / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"
    python = venv / "bin" / "python"
    if not python.exists():
        run_quietly([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    return python


def install_python(cache: Path, name: str, requirement: str, *, fresh: bool = False) -> tuple[Path, str]:
    """The `bin` folder of a venv that holds `requirement`, and its version. Done once, unless `fresh`.

    `name` is the distribution's name. Raises Unavailable with the installer's last words.
    """
    python = make_venv(cache, name)
    done = python.parent / "installed"
    if fresh or not done.exists():
        pip = [_find_pip(cache), "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
        run_quietly([*pip, "install", *(["--force-reinstall"] if fresh else []), requirement])
        done.touch()
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    return python.parent, run_quietly([str(python), "-c", code]).strip()


def _find_pip(cache: Path) -> str:
    """A Python that has pip, to install into the others with: the one that runs this need not have it."""
    venv = cache / "pip"
    if not (venv / "bin" / "pip").exists():
        run_quietly([sys.executable, "-m", "venv", str(venv)])
    return str(venv / "bin" / "python")


def install_debian(package: str, program: str) -> str:
    """Version of a Debian package that holds `program`, installed first where that is missing and we are root."""
    if shutil.which(program) is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise Unavailable(f"{program} is not there, and `apt-get install {package}` needs root on Debian")
        run_quietly(["apt-get", "update"])
        run_quietly(["apt-get", "install", "--yes", "--no-install-recommends", package])
    return run_quietly(["dpkg-query", "--show", "--showformat=${Version}", package])


def run_quietly(argv: Sequence[str]) -> str:
    """Its standard output. Raises Unavailable with the last line it said when it fails."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Unavailable(f"{argv[0]}: {error.strerror}") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "nothing said").splitlines()[-1]
        raise Unavailable(f"`{' '.join(argv)}` failed with {done.returncode}: {last}")
    return done.stdout
