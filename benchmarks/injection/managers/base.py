"""A process manager as the faults see it: a value. Commands are argvs, run in the directory that `write` has filled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Argv = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """One program to run. What it prints goes to `log`, through the manager."""

    name: str
    argv: Argv
    log: Path
    bind: str = ""  # what a web server serves, "127.0.0.1:8000": its argv binds it, and a manager may do so instead


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """One tool, installed. `install(cache)` of its file makes it, or raises Unavailable."""

    name: str
    version: str
    write: Callable[[Path, tuple[Service, ...]], None]  # the tool's own files for these services
    configuration: str  # the file that `write` makes and that the tool reads, from the directory
    up: Argv
    stays: bool  # `up` stays in the foreground and is the tool itself; else it returns and leaves a daemon behind
    find_pid: Callable[[Path], int] | None = None  # of the daemon, where `up` does not stay
    status: Argv | None = None
    restart: Callable[[str], Argv] | None = None  # one service, in the gentlest way that the tool has
    rereads: Mapping[str, Argv] = field(default_factory=dict)  # its ways to read the configuration again, by their name
    mistake: str = ""  # what makes `configuration` wrong when it is added at its end
    down: Argv | None = None  # None: SIGTERM to the process that stayed
    states: tuple[str, ...] = ()  # the words of its status for what goes on with a service that dies
    environment: Callable[[Path], Mapping[str, str]] = lambda _: {}
