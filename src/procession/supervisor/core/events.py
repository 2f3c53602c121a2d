"""What happened: the only thing that `decide` is told.

Commands come from people, over the control socket; the rest comes from the world. `life` numbers the starts of all
instances, so that news of an earlier start can be told from news of this one. Times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from procession.stack.model import Stack
from procession.supervisor.core.instance import OutOfMemory

# Commands. `operation` identifies the request to be replied to when the command's goal is reached; 0: nobody waits.


@dataclass(frozen=True, slots=True)
class Apply:
    """Make this stack run. Tasks run again; `start` also starts what a person had stopped."""

    stack: Stack
    operation: int = 0
    start: bool = False
    who: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    names: tuple[str, ...]  # of processes or instances; empty is all
    operation: int = 0
    who: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    names: tuple[str, ...]
    operation: int = 0
    who: str = ""


@dataclass(frozen=True, slots=True)
class Restart:
    names: tuple[str, ...]
    operation: int = 0
    who: str = ""


@dataclass(frozen=True, slots=True)
class Roll:
    """New lives one by one, each ready before the old one is drained. One that does not become ready ends it."""

    names: tuple[str, ...]
    operation: int = 0
    who: str = ""


@dataclass(frozen=True, slots=True)
class Reload:
    """Read the code again: by the program's own signal where it has a safe one, else by a roll, else by a restart."""

    names: tuple[str, ...]
    operation: int = 0
    who: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    counts: Mapping[str, int]  # process: replicas
    operation: int = 0
    who: str = ""


@dataclass(frozen=True, slots=True)
class Down:
    """Stop everything, what depends on others first, then end the supervisor."""

    operation: int = 0
    who: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a signal to the main process of each named instance."""

    names: tuple[str, ...]
    signal: str
    operation: int = 0
    who: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """A supervisor has begun and adopted what runs: start what is wanted and not there. Tasks do not run again."""


# The world.


@dataclass(frozen=True, slots=True)
class Spawned:
    """There is a process; it has not yet exec'd."""

    name: str
    life: int
    pid: int


@dataclass(frozen=True, slots=True)
class Execed:
    """The program itself runs now."""

    name: str
    life: int


@dataclass(frozen=True, slots=True)
class SpawnFailed:
    """It could not be started: `why` says what was tried and what the system answered. There is no process."""

    name: str
    life: int
    why: str


@dataclass(frozen=True, slots=True)
class Died:
    """The main process has ended. `status`: its exit code, or minus the signal that killed it; None: not known."""

    name: str
    life: int
    status: int | None
    killer: OutOfMemory = OutOfMemory.NO


@dataclass(frozen=True, slots=True)
class Grown:
    """Its tree uses `used_bytes` of memory, more than it may, and nothing else holds it to its limit."""

    name: str
    life: int
    used_bytes: int


@dataclass(frozen=True, slots=True)
class MemoryKilled:
    """The kernel's out-of-memory killer has killed `processes` of its tree: a worker, or the main one, too."""

    name: str
    life: int
    processes: int
    killer: OutOfMemory


@dataclass(frozen=True, slots=True)
class NotHeld:
    """`what` of its limits nothing holds it to: "cpu: there is no cgroup with that controller"."""

    name: str
    life: int
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TreeGone:
    """Nothing is left of the instance's tree."""

    name: str
    life: int


@dataclass(frozen=True, slots=True)
class Probed:
    """A probe was answered: `about` is "startup", "readiness" or "liveness". `detail` says what, for a person."""

    name: str
    life: int
    about: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """The program spoke for itself, by sd_notify or through the Django app: only what it said is set."""

    name: str
    life: int
    ready: bool | None = None
    status: str = ""
    extend_seconds: float = 0.0  # the deadline that it has now shall not come before these are over
    is_stopping: bool = False
    is_hung: bool = False  # it has found out by itself


@dataclass(frozen=True, slots=True)
class Adopted:
    """An instance of an earlier supervisor is ours now. `definition_stale`: it runs an older declaration."""

    name: str
    life: int
    pid: int
    was_ready: bool
    age_seconds: float
    restarts: int = 0
    definition_stale: bool = False
    outgoing: bool = False  # its successor was on its way


@dataclass(frozen=True, slots=True)
class Survived:
    """A sweep's kill did not end these processes (uninterruptible sleep, or not ours to kill): "4121 (gunicorn)"."""

    name: str
    life: int
    processes: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline has passed."""


Command = Apply | Start | Stop | Restart | Roll | Reload | Scale | Down | Send | Resume
News = (
    Spawned
    | Execed
    | SpawnFailed
    | Died
    | TreeGone
    | Probed
    | Told
    | Adopted
    | Survived
    | Grown
    | MemoryKilled
    | NotHeld
)
Event = Command | News | Tick
