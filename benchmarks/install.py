"""Getting the peers: Python tools each into a venv of its own under the cache, others from Debian when root."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "benchmarks"


class Unavailable(Exception):
    """This tool cannot be had on this machine; the message says why."""


@contextmanager
def hold_lock(cache: Path) -> Iterator[None]:
    """Two runs at once must not install into the same place."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_venv(cache: Path, name: str) -> Path:
    """The Python of an empty venv: what the machine's own Python loads at its start would be timed with the tool."""
    venv = cache / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"
    python = venv / "bin" / "python"
    if not python.exists():
        run_quietly([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    return python


def install_tree(cache: Path, tree: Path) -> tuple[Path, str]:
    """As `install_python`, of Procession itself: anew when a file of `tree` has changed, and only then, because another
    run may be at work with what is there.
    """
    files = [tree / "pyproject.toml", *(path for path in (tree / "src").rglob("*") if "__pycache__" not in path.parts)]
    state = "".join(f"{path} {path.stat().st_mtime_ns}\n" for path in sorted(files) if path.is_file())
    return install_python(cache, "procession", str(tree), state=state)


def install_python(cache: Path, name: str, requirement: str, *, state: str = "") -> tuple[Path, str]:
    """The `bin` folder of a venv that holds `requirement`, and its version. Done once for each `state` of it.

    `name` is the distribution's name. Raises Unavailable with the installer's last words.
    """
    python = make_venv(cache, name)
    done = python.parent / "installed"
    if not done.exists() or done.read_text() != state:
        add_python(cache, name, *(["--force-reinstall"] if done.exists() else []), requirement)
        done.write_text(state)
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    return python.parent, run_quietly([str(python), "-c", code]).strip()


def add_python(cache: Path, name: str, *requirements: str) -> Path:
    """The `bin` folder of a venv, after `pip install` of these into it. Raises Unavailable with pip's last words."""
    python = make_venv(cache, name)
    pip = [_find_pip(cache), "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
    run_quietly([*pip, "install", *requirements])
    return python.parent


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
