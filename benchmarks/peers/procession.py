"""Procession itself, installed from this tree, with its default settings."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.install import install_tree
from benchmarks.peers.base import Peer, Programs

TREE = Path(__file__).resolve().parents[2]


def install(cache: Path) -> Peer:
    folder, version = install_tree(cache, TREE)
    command = str(folder / "procession")
    return Peer(
        name="procession",
        version=version,
        write=write,
        up=(command, "up", "-d", "--wait"),
        stays=False,
        status=(command, "status"),
        down=(command, "down"),
        restarts=True,
        steady_seconds=6.0,  # BACKOFF.steady_seconds is 5.0, counted from readiness, which comes after birth
        tick_seconds=0.0,
    )


def write(directory: Path, programs: Programs) -> None:
    """A JSON list of strings is a TOML array of basic strings, but for a character past U+FFFF; our paths have none."""
    lines = ["[processes.sleeper]", f"COMMAND = {json.dumps(programs.argv)}", f"REPLICAS = {programs.instances}", ""]
    (directory / "procession.toml").write_text("\n".join(lines))
