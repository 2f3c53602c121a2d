"""The state machine of an instance: every pair of a phase and a happening has a cell.

A cell says which phase comes next and what is to be done, or why nothing is. Nothing else changes a phase. The
diagram in docs/reference/states.md is drawn from this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from procession.supervisor.core.instance import Happening as H  # noqa: N817 - the table is read as a table
from procession.supervisor.core.instance import Phase as P  # noqa: N817


class Effect(Enum):
    """What a step does besides changing the phase; `turn` carries each out."""

    SPAWN = auto()  # start the program, arm the deadline for its startup or readiness, begin to ask for it
    WATCH_START = auto()  # of that, all but to start it: it stood by
    WATCH_STARTED = auto()  # ask for readiness and liveness, arm the deadline for readiness
    WATCH_LIVENESS = auto()
    UNWATCH = auto()
    FORGET_READY = auto()  # it was taken for ready, and has nothing to do
    SEND_STOP = auto()  # the first rung of the stop ladder
    SEND_NEXT = auto()  # the next rung
    AWAIT_END = auto()  # it ends by itself, and has the ladder's time for that
    SEND_ABORT = auto()  # SIGABRT: faulthandler leaves a traceback in the log, then it is killed
    BLAME_LATE = auto()  # remember that it was not ready in time
    KILL = auto()
    SWEEP = auto()
    ARM_BACKOFF = auto()
    DISARM = auto()
    COUNT_DEATH = auto()
    FORGIVE = auto()  # forget the early deaths: a person asks, or it was steady


@dataclass(frozen=True, slots=True)
class Step:
    phase: P
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    why: str


Cell = Step | Ignored


def step(phase: P, *effects: Effect) -> Step:
    return Step(phase, effects)


ignore = Ignored

NO_PROCESS = ignore("there is no process that this could be about")
NOT_TIMED = ignore("nothing is timed in this phase")
NOT_WAITING = ignore("it waits for nothing")
NO_SWEEP = ignore("no sweep is under way, so this is late news of an earlier one")
ENDS_FIRST = ignore("it ends first; what is wanted then is decided when it is gone")
NOT_SPAWNING = ignore("it was started long ago")

NEWS: Final = (
    H.SPAWN_FAILED,
    H.STANDS_BY,
    H.PROCEEDS,
    H.STARTUP_SEEN,
    H.READY_SEEN,
    H.UNREADY_SEEN,
    H.HUNG,
    H.SAYS_STOPPING,
    H.DIED,
)
_NO_NEWS: Final[Mapping[H, Cell]] = {  # where there is no process, there is no news of it
    happening: NO_PROCESS for happening in NEWS
}
_NOT_GONE: Final[Mapping[H, Cell]] = {
    happening: NO_SWEEP
    for happening in (H.GONE_UNWANTED, H.GONE_AGAIN, H.GONE_EARLY, H.GONE_WELL, H.GONE_FOR_GOOD, H.SURVIVED)
}
_AT_REST: Final[Mapping[H, Cell]] = {
    **_NO_NEWS,
    **_NOT_GONE,
    H.START: step(P.WAITING, Effect.FORGIVE),
    H.RESTART: step(P.WAITING, Effect.FORGIVE),
    H.CLEARED: NOT_WAITING,
    H.STEP_DUE: NOT_TIMED,
    H.DEADLINE: NOT_TIMED,
}
_RUNNING: Final[Mapping[H, Cell]] = {
    **_NOT_GONE,
    H.START: ignore("it runs already"),
    H.STOP: step(P.STOPPING, Effect.UNWATCH, Effect.SEND_STOP),
    H.RESTART: step(P.STOPPING, Effect.UNWATCH, Effect.SEND_STOP),
    H.CLEARED: NOT_WAITING,
    H.SPAWN_FAILED: NOT_SPAWNING,
    H.STARTUP_SEEN: ignore("it has started long ago"),
    H.HUNG: step(P.STOPPING, Effect.UNWATCH, Effect.SEND_ABORT),
    H.SAYS_STOPPING: step(P.STOPPING, Effect.UNWATCH, Effect.AWAIT_END),
    H.STANDS_BY: step(P.STANDBY, Effect.UNWATCH, Effect.DISARM, Effect.FORGET_READY),
    H.PROCEEDS: ignore("it does not stand by"),
    H.STEP_DUE: NOT_TIMED,
    H.DIED: step(P.SWEEPING, Effect.UNWATCH, Effect.DISARM, Effect.SWEEP),
}
_ENDING: Final[Mapping[H, Cell]] = {
    **_NOT_GONE,
    H.START: ENDS_FIRST,
    H.STOP: ENDS_FIRST,
    H.RESTART: ENDS_FIRST,
    H.CLEARED: NOT_WAITING,
    H.SPAWN_FAILED: step(P.SWEEPING, Effect.DISARM, Effect.SWEEP),  # stopped before it could exec
    H.STARTUP_SEEN: ignore("it came up while we were stopping it"),
    H.STANDS_BY: ignore("it is being stopped"),
    H.PROCEEDS: ignore("it is being stopped"),
    H.READY_SEEN: ignore("it became ready while we were stopping it"),
    H.UNREADY_SEEN: ignore("it takes no traffic any more"),
    H.HUNG: ignore("it is being stopped already"),
    H.SAYS_STOPPING: ignore("it is being stopped already"),
    H.STEP_DUE: NOT_TIMED,
    H.DIED: step(P.SWEEPING, Effect.DISARM, Effect.SWEEP),
}

ROWS: Final[Mapping[P, Mapping[H, Cell]]] = {
    P.STOPPED: {
        **_AT_REST,
        H.STOP: ignore("it is stopped"),
    },
    P.WAITING: {
        **_NO_NEWS,
        **_NOT_GONE,
        H.START: ignore("it starts as soon as it can"),
        H.STOP: step(P.STOPPED),
        H.RESTART: ignore("it starts as soon as it can"),
        H.CLEARED: step(P.STARTING, Effect.SPAWN),
        H.STEP_DUE: NOT_TIMED,
        H.DEADLINE: NOT_TIMED,
    },
    P.STARTING: {
        **_RUNNING,
        H.SPAWN_FAILED: step(P.SWEEPING, Effect.UNWATCH, Effect.DISARM, Effect.SWEEP),
        H.STARTUP_SEEN: step(P.STARTING, Effect.WATCH_STARTED),
        H.READY_SEEN: step(P.READY, Effect.DISARM, Effect.WATCH_LIVENESS),
        H.UNREADY_SEEN: ignore("it is not ready yet anyway"),
        H.DEADLINE: step(P.STOPPING, Effect.BLAME_LATE, Effect.UNWATCH, Effect.SEND_STOP),
    },
    P.STANDBY: {
        **_RUNNING,
        H.SPAWN_FAILED: step(P.SWEEPING, Effect.SWEEP),
        H.STANDS_BY: ignore("it stands by"),
        H.PROCEEDS: step(P.STARTING, Effect.WATCH_START),
        H.READY_SEEN: ignore("its turn has not come"),
        H.UNREADY_SEEN: ignore("its turn has not come"),
        H.HUNG: ignore("whether it is alive is asked only once it was ready"),
        H.DEADLINE: NOT_TIMED,
    },
    P.READY: {
        **_RUNNING,
        H.READY_SEEN: ignore("it is ready"),
        H.UNREADY_SEEN: step(P.UNREADY),
        H.DEADLINE: NOT_TIMED,
    },
    P.UNREADY: {
        **_RUNNING,
        H.READY_SEEN: step(P.READY),
        H.UNREADY_SEEN: ignore("it is unready"),
        H.DEADLINE: NOT_TIMED,
    },
    P.STOPPING: {
        **_ENDING,
        H.STEP_DUE: step(P.STOPPING, Effect.SEND_NEXT),
        H.DEADLINE: step(P.KILLING, Effect.KILL),
    },
    P.KILLING: {
        **_ENDING,
        H.DEADLINE: NOT_TIMED,
        H.SURVIVED: step(P.FAILED),
    },
    P.SWEEPING: {
        **_ENDING,
        H.SPAWN_FAILED: NO_PROCESS,
        H.DIED: ignore("it is dead"),
        H.DEADLINE: NOT_TIMED,
        H.GONE_UNWANTED: step(P.STOPPED, Effect.FORGIVE),
        H.GONE_AGAIN: step(P.WAITING, Effect.FORGIVE),
        H.GONE_EARLY: step(P.BACKOFF, Effect.COUNT_DEATH, Effect.ARM_BACKOFF),
        H.GONE_WELL: step(P.DONE, Effect.FORGIVE),
        H.GONE_FOR_GOOD: step(P.FAILED, Effect.COUNT_DEATH),
        H.SURVIVED: step(P.FAILED),
    },
    P.BACKOFF: {
        **_NO_NEWS,
        **_NOT_GONE,
        H.START: step(P.WAITING, Effect.DISARM),
        H.STOP: step(P.STOPPED, Effect.DISARM, Effect.FORGIVE),
        H.RESTART: step(P.WAITING, Effect.DISARM),
        H.CLEARED: NOT_WAITING,
        H.STEP_DUE: NOT_TIMED,
        H.DEADLINE: step(P.WAITING, Effect.DISARM),
    },
    P.FAILED: {
        **_AT_REST,
        H.STOP: step(P.STOPPED, Effect.FORGIVE),
    },
    P.DONE: {
        **_AT_REST,
        H.STOP: ignore("it has ended by itself"),
    },
}

TABLE: Final[Mapping[tuple[P, H], Cell]] = {
    (phase, happening): cell for phase, row in ROWS.items() for happening, cell in row.items()
}
