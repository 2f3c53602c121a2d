"""What an engine is to us: a value. Its files are data first and text last; its verbs are steps (see `steps`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from procession.engines.files import File
from procession.engines.steps import Command, Steps
from procession.errors import Problem
from procession.run import Done
from procession.stack.model import Stack

Options = Any  # the frozen dataclass that the engine itself names; `Engine.options`


class State(StrEnum):
    """The words of `status`, the same for every engine; those of the embedded supervisor that others have, too."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    UNREADY = "unready"
    STOPPING = "stopping"
    BACKOFF = "backoff"
    FAILED = "failed"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One instance in the engine's own eyes."""

    name: str  # "web.1"
    process: str  # "web"
    state: State
    said: str = ""  # the engine's own word and what is worth knowing: "exit code 3", "node two"
    pid: int = 0  # on this host; 0 where it is elsewhere or not there
    uptime_seconds: float | None = None
    restarts: int | None = None
    life: str = ""  # what tells this life of the instance from its next one, where no pid does: the id of Swarm's task


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """What `render` gives: the files, and what the engine cannot do or what a person should know (see Problem)."""

    files: tuple[File, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One verb, as a person asked for it."""

    stack: Stack
    options: Options
    directory: str  # where the engine's files are
    owner: str = ""  # whose the files are: see `files.owner_of`
    names: tuple[str, ...] = ()  # processes, or instances of them; empty: all
    replicas: Mapping[str, int] = field(default_factory=dict)  # of `scale`
    follow: bool = False  # of `logs` and `events`, as all below
    lines: int | None = 100  # the last so many; None: all
    since: datetime | None = None  # with its zone, as `until`
    until: datetime | None = None
    grep: str = ""  # only lines with this text in them
    json: bool = False
    changed: tuple[str, ...] = ()  # of `apply`: the paths of the files that are new, changed or gone


Verb = Callable[[Asked], Steps[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What must be there before an engine can be driven: a look that goes well then.

    `lacking` and the two fixes are for a person: "Docker does not answer"; what to do where its program is missing
    (`install`), and where that says no (`fix`). `objection`: what a look that went well shows to be in the way, "" if
    nothing is.
    """

    look: Callable[[Asked], Command]
    lacking: str
    install: str
    fix: str
    speaks: bool = True  # whether its own last words help
    objection: Callable[[Asked, Done], str] = lambda _, __: ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One file in this folder: `ENGINE = Engine(...)`, and its line in `registry`.

    - `options`: a frozen dataclass of `setting` fields: what PRODUCTION_STACK["ENGINES"][name] may say
    - `render`: pure and byte-stable: the same stack gives the same files
    - `directory`: where `apply` puts them, absolute
    - `check`: the engine's own checkers, asked about the files in a directory that is not yet the real one; Refusal if
      they complain
    - `apply`: what makes the engine take the files in, once they are in place (`asked.changed`)
    - `status`: one row for each instance
    - `verbs`: start stop restart roll scale down logs events; one that is missing cannot be done, and `cannot` says
      what comes closest; with "apply" in it, the engine is only rendered
    - `runs`: False for what stands beside the engine that runs the site (nginx): `apply` writes its files, and is not
      remembered
    - `needs`: what is asked before `apply` touches anything, and before a verb
    - `takes`: the options of a verb that the engine can do, beyond those that all can (--follow, --lines):
      {"logs": {"since", "grep"}}; one that is given and not taken is refused, never left out in silence
    - `beside`: names of what it runs beside the processes (a store, the server in front): `status`, `logs` and `events`
      take them, too
    - `runs_supervisor`: whether with these options it runs our own supervisor, which then does what concerns instances
    """

    name: str
    title: str
    options: type
    render: Callable[[Stack, Options], Rendering]
    directory: Callable[[Stack, Options], str]
    check: Callable[[Asked], Steps[None]]
    apply: Verb
    status: Callable[[Asked], Steps[tuple[Row, ...]]]
    verbs: Mapping[str, Verb]
    runs: bool = True
    cannot: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
    takes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    beside: Callable[[Stack, Options], Collection[str]] = lambda _, __: ()
    runs_supervisor: Callable[[Options], bool] = lambda _: False
