"""One instance as the supervisor sees it: which phase it is in, what is wanted of it, and what it has been through."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from signal import Signals

from procession.stack.model import Process
from procession.units import show_bytes


class OutOfMemory(StrEnum):
    """What the kernel's out-of-memory killer had to do with a death by SIGKILL."""

    NO = ""
    LIMIT = "limit"  # the tree was at its own limit
    MACHINE = "machine"  # it was chosen because the machine, or what the tree is a part of, had no more
    LIKELY = "likely"  # the killer ran meanwhile; whom it took is not known


class Phase(StrEnum):
    """Where an instance stands. `table` says what leads from one to another."""

    STOPPED = "stopped"  # not wanted, not there
    WAITING = "waiting"  # wanted; what it depends on is not there yet
    STARTING = "starting"  # there, not ready yet
    STANDBY = "standby"  # there, and idle: what only one may do, another does
    READY = "ready"
    UNREADY = "unready"  # was ready; its readiness probe fails now
    STOPPING = "stopping"  # a stop signal was sent; it finishes its work
    KILLING = "killing"  # its time is over: SIGKILL was sent to the whole tree
    SWEEPING = "sweeping"  # the main process is gone; what is left of its tree is being killed
    BACKOFF = "backoff"  # died early; waits before the next start
    FAILED = "failed"  # gave up; needs a person
    DONE = "done"  # ended well, and that was all it had to do


class Happening(StrEnum):
    """What can happen to an instance: an event, judged by what is known of the instance (see `judge`)."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    CLEARED = "cleared"  # all that it waits for is there
    SPAWN_FAILED = "spawn failed"
    STARTUP_SEEN = "startup seen"  # it has started: from now on it is asked whether it is ready, and alive
    STANDS_BY = "stands by"  # another holds what only one may hold
    PROCEEDS = "proceeds"  # it has it now
    READY_SEEN = "ready seen"
    UNREADY_SEEN = "unready seen"
    HUNG = "hung"
    SAYS_STOPPING = "says stopping"  # the program said that it ends by itself
    STEP_DUE = "step due"  # the next step of the stop ladder
    DEADLINE = "deadline"
    DIED = "died"
    GONE_UNWANTED = "gone, unwanted"  # the whole tree is gone, as was asked
    GONE_AGAIN = "gone, again"  # gone, and to be started at once
    GONE_EARLY = "gone, early"  # gone before it was steady
    GONE_WELL = "gone, well"  # gone with success, and that was all it had to do
    GONE_FOR_GOOD = "gone, for good"  # gone once too often, or in a way that is not tried again
    SURVIVED = "survived"  # part of the tree did not die of SIGKILL


ALIVE = frozenset({Phase.STARTING, Phase.STANDBY, Phase.READY, Phase.UNREADY})  # a stop must be sent before it ends
ENDING = frozenset({Phase.STOPPING, Phase.KILLING, Phase.SWEEPING})
AT_REST = frozenset({Phase.STOPPED, Phase.FAILED, Phase.DONE})  # nothing will happen unless somebody asks


def outgoing_key(name: str) -> str:
    """Where the model keeps the old life of an instance that is being rolled; there is never more than one."""
    return f"{name}/old"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """`web.2`. Times are monotonic seconds; None where there is none."""

    name: str
    number: int
    process: Process  # as declared now
    running: Process  # as declared when this life began: its ladder and its success exits hold until it ends
    phase: Phase = Phase.STOPPED
    since: float = 0.0  # when the phase began
    wanted: bool = False  # it shall run
    held: bool = False  # a person stopped it; an update does not start it
    again: bool = False  # it shall end, and start again
    retiring: bool = False  # it shall end, and be forgotten
    roll: bool = False  # its turn to be rolled will come
    outgoing: bool = False  # a successor of the same name is on its way; until that is ready, this one serves
    roll_failed: str = ""  # why its last roll was called off
    life: int = 0  # the number of its last start, counted over all instances: no two starts ever share one
    pid: int = 0
    born: float | None = None  # when this life began
    ready_at: float | None = None  # when this life first was ready
    has_started: bool = False  # this life's startup probe was good once
    loaded: frozenset[int] = frozenset()  # the pids of its workers that said that they are ready
    others_due: float | None = None  # when the word of these is enough
    has_told: bool = False  # this life said itself that it is ready, with all its workers
    may_have_told: bool = False  # to a supervisor that died before it could write it down
    deadline: float | None = None
    rung: int = 0  # of the stop ladder
    worn: str = ""  # why it shall be renewed when its turn comes: "is older than MAX_AGE of 1 h"
    renewed_at: float | None = None  # when that was last begun; it may have been called off
    restarts: int = 0
    deaths: int = 0  # early ones, in a row
    failures_ready: int = 0  # failed probes in a row
    failures_alive: int = 0
    readiness_failures: int = 0  # over all its lives: probes failed once it was ready, and starts not ready in time
    status: int | None = None  # of the last death: exit code, or minus a signal; None: not known
    last_exit: str = ""  # the last death, in words
    blame: str = ""  # why we stopped this life although it was wanted: "was not ready within 60 s"
    awaits: str = ""  # what it waits for, as it was last told
    said: str = ""  # what the last probe saw
    tells: str = ""  # what the program last said of itself

    @property
    def key(self) -> str:
        """Its place in the model: while a roll lasts there are two of a name, and the older one makes room."""
        return outgoing_key(self.name) if self.outgoing else self.name

    @property
    def is_crash_looping(self) -> bool:
        return self.phase is not Phase.READY and self.deaths >= self.process.backoff.crash_loop

    @property
    def is_starting_up(self) -> bool:
        """Its startup probe was not good yet, so nothing else is asked."""
        return self.running.startup is not None and not self.has_started

    @property
    def stops_by_itself(self) -> bool:
        """It has said that it ends; no step of the ladder was taken."""
        return self._is_past_its_ladder and not self.blame

    @property
    def is_hung(self) -> bool:
        """It was asked for its traceback, and does nothing else any more."""
        return self._is_past_its_ladder and bool(self.blame)

    @property
    def _is_past_its_ladder(self) -> bool:
        return self.phase is Phase.STOPPING and self.rung == len(self.running.stop)

    def is_steady(self, now: float) -> bool:
        """It was ready for long enough that its death says nothing about the next start."""
        return self.ready_at is not None and now - self.ready_at >= self.process.backoff.steady_seconds


def status_text(status: int | None) -> str:
    """A death in words: "exited with 3", "killed by SIGKILL". What memory had to do with it says `memory_text`."""
    if status is None:
        return "ended, nobody knows how"
    if status >= 0:
        return f"exited with {status}"
    try:
        return f"killed by {Signals(-status).name}"
    except ValueError:  # real-time signals have no name of their own
        return f"killed by signal {-status}"


def memory_text(killer: OutOfMemory, limit_bytes: int) -> str:
    """A death by the out-of-memory killer in words; "" if it had nothing to do with it."""
    match killer:
        case OutOfMemory.LIMIT:
            return f"killed by the kernel: out of memory (limit {show_bytes(limit_bytes)})"
        case OutOfMemory.MACHINE:
            return "killed by the kernel: the machine was out of memory"
        case OutOfMemory.LIKELY:
            return "killed by SIGKILL, probably out of memory (the kernel's OOM killer ran)"
        case OutOfMemory.NO:
            return ""
