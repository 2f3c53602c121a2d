"""The disk of the log is full (/dev/full)."""

from __future__ import annotations

from pathlib import Path

from benchmarks.injection.rows.base import Fault, Scale
from benchmarks.injection.trial import Trial

WATCH_SECONDS = 2.0


def cause(trial: Trial, scale: Scale) -> str:
    trial.up(trial.service("flood", log=Path("/dev/full")))
    trial.pass_time(WATCH_SECONDS)
    lives = len(trial.born("flood"))
    service = "service goes on" if lives == 1 and trial.alive("flood") else f"service died ({lives} starts)"
    if not trial.is_managed():
        return f"{service}, the manager is gone"
    seconds = trial.stop(scale.stop_seconds)
    return f"{service}, " + (f"no end within {scale.stop_seconds:g} s" if seconds is None else "stops")


LOG_FULL = Fault("log-full", "the log's disk is full", cause)
