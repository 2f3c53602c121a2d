"""What a tool is to the benchmark: a value. Commands are argvs, all run in the directory that `write` has filled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Argv = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Programs:
    """What every tool is asked to run: `instances` times the same argv."""

    argv: Argv
    instances: int


@dataclass(frozen=True, slots=True)
class Peer:
    """One tool, installed. An adapter file's `install(cache)` makes it, or raises Unavailable."""

    name: str
    version: str
    write: Callable[[Path, Programs], None]  # the tool's own files for these programs, into an empty directory
    up: Argv
    stays: bool  # `up` stays in the foreground and is the tool itself; else it returns and leaves a daemon behind
    status: Argv | None  # None: the tool has no such verb
    down: Argv | None  # None: SIGTERM to the process that stayed
    restarts: bool  # a killed instance comes back
    steady_seconds: float  # up this long, an instance's death counts as news, not as a failed start (said where)
    tick_seconds: float  # it looks at its processes this often; 0.0: it is told. Kills are spread evenly over it
