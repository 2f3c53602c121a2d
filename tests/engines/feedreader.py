"""The feed reader in a folder, as the story of the engines wants it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.engines.story import FETCH_SECONDS

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/feedreader"
BROKEN = 'raise RuntimeError("a release that does not boot")\n'


def make_feedreader(directory: Path, port: int, broker: str, stack: Mapping[str, Any] | None = None) -> None:
    """With two replicas of web, on that port; `stack` is said in PRODUCTION_STACK as well.

    Its own broker, a folder, is for a first try: on a busy machine a worker reads a message that is not yet written
    (kombu.transport.filesystem), and ends.
    """
    shutil.copytree(EXAMPLE, directory, dirs_exist_ok=True)
    environment = {"PORT": str(port), "FETCH_SECONDS": str(FETCH_SECONDS), "BROKER_URL": broker}
    more = [f"PRODUCTION_STACK = {{'ENV': {environment}, **{stack or {}}}}"]
    more += ['PRODUCTION_PROCESSES["web"]["REPLICAS"] = 2']
    more += [f'PRODUCTION_PROCESSES["web"]["ARGS"]["bind"] = "127.0.0.1:{port}"']
    settings = directory / "feedreader/settings.py"
    settings.write_text("\n".join([settings.read_text(), *more, ""]))


def write_release(directory: Path, *, boots: bool) -> None:
    """The code that the next start runs."""
    good = (EXAMPLE / "feedreader/wsgi.py").read_text()
    (directory / "feedreader/wsgi.py").write_text(good if boots else BROKEN)
