"""`kill -9` of one service that has been up for a while."""

from __future__ import annotations

import os
import signal
import time

from benchmarks.injection.rows.base import Fault, Scale
from benchmarks.injection.trial import Trial

STEADY_SECONDS = 6.0  # longer than each of them asks, before a death is no failed start
WAIT_SECONDS_MAX = 30.0


def cause(trial: Trial, _scale: Scale) -> str:
    trial.up(trial.service("wait"))
    trial.pass_time(STEADY_SECONDS)
    began = time.monotonic_ns()
    os.kill(trial.born("wait")[0], signal.SIGKILL)
    if not trial.comes_true(lambda: len(trial.born("wait")) > 1, WAIT_SECONDS_MAX):
        return "everything is ended" if not trial.is_managed() else "not started again"
    return f"{(_second_birth(trial) - began) / 1e6:,.0f} ms"


def _second_birth(trial: Trial) -> int:
    return int((trial.directory / "wait.births").read_text().splitlines()[1].split()[1])


RESTART_LATENCY = Fault("killed-service", "kill -9 of a service: the next one's first act (Python) after", cause)
