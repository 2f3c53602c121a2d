"""Two people restart the same service at the same time."""

from __future__ import annotations

from benchmarks.injection.rows.base import Fault, NotOffered, Scale
from benchmarks.injection.trial import Done, Trial, finish

SETTLE_SECONDS = 8.0


def cause(trial: Trial, _scale: Scale) -> str:
    if trial.manager.restart is None:
        raise NotOffered("it can not restart one service")
    trial.up(trial.service("wait"))
    both = [trial.begin(trial.manager.restart("wait")) for _ in range(2)]
    ends = [finish(command) for command in both]
    trial.comes_true(lambda: len(trial.alive("wait")) == 1, SETTLE_SECONDS)
    running = len(trial.alive("wait"))
    words = "both fine" if not any(map(_failed, ends)) else f"exits {' and '.join(str(done.status) for done in ends)}"
    return words if running == 1 else f"{words}, {running} running afterwards"


def _failed(done: Done) -> bool:
    return done.status != 0 or "error" in done.text.lower()


TWO_COMMANDS = Fault("two-commands", "two restarts of one service at once", cause)
