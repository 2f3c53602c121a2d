"""A Python that every user of the machine may run, with what a site needs: root's own is often out of others' reach."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path

import procession

PYTHONS = (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3")
DISTRIBUTIONS = ("django", "asgiref", "sqlparse", "gunicorn", "packaging")
# It runs itself once more: the first exec may still have root's rights, as it has after setpriv.
IS_NEW_ENOUGH = (
    "import subprocess, sys; "
    "sys.exit(sys.version_info < (3, 11) or subprocess.run([sys.executable, '-c', '']).returncode)"
)


def make_python(folder: Path, through: Sequence[str]) -> str:
    """An interpreter in `folder` that can be run `through` a program which becomes somebody else; "" if none can."""
    for python in PYTHONS:
        if _runs([*through, python, "-c", IS_NEW_ENOUGH]):
            subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
            (packages,) = (folder / "lib").glob("python3.*/site-packages")
            for name in DISTRIBUTIONS:
                copy_distribution(name, packages)
            shutil.copytree(Path(procession.__file__).parent, packages / "procession")
            return str(folder / "bin" / "python")
    return ""


def copy_distribution(name: str, packages: Path) -> None:
    """What a distribution of pure Python has installed, without its commands."""
    for file in distribution(name).files or ():
        if ".." not in file.parts and "__pycache__" not in file.parts:
            target = packages / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), target)


def _runs(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, cwd="/", check=False, stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False
