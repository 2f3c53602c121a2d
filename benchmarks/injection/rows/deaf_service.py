"""Stop: the service itself ignores SIGTERM."""

from __future__ import annotations

from benchmarks.injection.rows.base import Fault, Scale
from benchmarks.injection.trial import Trial


def cause(trial: Trial, scale: Scale) -> str:
    trial.up(trial.service("deaf"))
    seconds = trial.stop(scale.stop_seconds)
    if seconds is None:
        return f"still there after {scale.stop_seconds:g} s"
    return f"{'survives' if trial.alive('deaf') else 'killed'} after {seconds:.1f} s"


DEAF_SERVICE = Fault("deaf-service", "stop; the service ignores SIGTERM", cause)
