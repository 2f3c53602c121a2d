"""What is to be done: the only thing that `decide` answers. Values; the linux layer carries them out, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from procession.stack.model import Listener, Log, Probe, Process


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start the program. Answered by Spawned, then Execed; or by SpawnFailed."""

    name: str
    life: int
    process: Process


@dataclass(frozen=True, slots=True)
class SendSignal:
    """Send `signal` ("TERM") to the main process, and CONT after it: a stopped process gets no TERM until continued."""

    name: str
    life: int
    signal: str


@dataclass(frozen=True, slots=True)
class Abort:
    """Ask every process of the tree for a traceback, by SIGABRT, the main one last. Died follows, if that ended it."""

    name: str
    life: int


@dataclass(frozen=True, slots=True)
class KillTree:
    """SIGKILL to every process of the instance's tree, the main one included. Died and TreeGone follow, or Survived."""

    name: str
    life: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """The main process is gone: SIGKILL to the rest of its tree. TreeGone follows, at once if nothing is left."""

    name: str
    life: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Begin to probe: `about` is as Probed has it. Probed follows, again and again, until Unwatch or death."""

    name: str
    life: int
    about: str
    probe: Probe


@dataclass(frozen=True, slots=True)
class Unwatch:
    """Stop all probing of this life."""

    name: str
    life: int


@dataclass(frozen=True, slots=True)
class Listen:
    """Hold these listeners for a process, and no others. An empty tuple closes what it held."""

    process: str
    listeners: tuple[Listener, ...]


@dataclass(frozen=True, slots=True)
class OpenLog:
    """Record what this instance says, from now on."""

    name: str
    log: Log


@dataclass(frozen=True, slots=True)
class CloseLog:
    """The instance is no more: record what is left in its pipe, and close it."""

    name: str


@dataclass(frozen=True, slots=True)
class BreakLine:
    """A life has ended: what the next one says begins on a line of its own."""

    name: str


@dataclass(frozen=True, slots=True)
class Record:
    """Keep in the history. `kind` is a word of the reference page of events; detail is plain JSON data."""

    kind: str
    process: str = ""
    instance: str = ""
    pid: int = 0
    detail: Mapping[str, object] = field(default_factory=dict)
    who: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """Tell whoever watches that this instance changed."""

    name: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A command's goal is reached (`done`), or will not be: `text` says why, a line an instance."""

    operation: int
    done: bool
    text: tuple[str, ...] = ()
    code: int = 0


@dataclass(frozen=True, slots=True)
class Save:
    """What is wanted has changed: write it down, so that the next supervisor wants the same."""


@dataclass(frozen=True, slots=True)
class Quit:
    """Everything is down: end."""


Action = (
    Spawn
    | SendSignal
    | Abort
    | KillTree
    | Sweep
    | Watch
    | Unwatch
    | Listen
    | OpenLog
    | CloseLog
    | BreakLine
    | Record
    | Changed
    | Reply
    | Save
    | Quit
)
