"""Other installed copies of Procession: each in an environment of its own, with a version, and with what breaks it."""

from __future__ import annotations

import shutil
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import procession

PACKAGE = Path(procession.__file__).parent


def install(directory: Path, version: str, changes: Mapping[str, tuple[str, str]] | None = None) -> tuple[str, ...]:
    """A copy of this very code that calls itself `version`; its command. `changes`: {file: (what is there, new)}."""
    venv.create(directory, with_pip=False, symlinks=True)
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    copy = directory / "lib" / minor / "site-packages" / "procession"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    own = (procession.__version__, version)
    for name, (before, after) in {"__init__.py": own, **(changes or {})}.items():
        text = (copy / name).read_text()
        assert text.count(before) == 1, f"{name} has {before!r} {text.count(before)} times"
        (copy / name).write_text(text.replace(before, after))
    return (str(directory / "bin" / "python"), "-m", "procession")
