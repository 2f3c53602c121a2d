"""Stop: the service ends on SIGTERM, a child of it in the same process group does not."""

from __future__ import annotations

from benchmarks.injection.rows.base import Fault, Scale
from benchmarks.injection.trial import Trial


def cause(trial: Trial, scale: Scale) -> str:
    trial.up(trial.service("deaf-child"), births=2)
    seconds = trial.stop(scale.stop_seconds)
    left = len(trial.alive("deaf-child"))
    manager = f"the manager still hangs after {scale.stop_seconds:g} s" if seconds is None else ""
    return ", ".join(part for part in (manager, "the child survives" if left else "all gone") if part)


DEAF_CHILD = Fault("deaf-child", "stop; a child in the group ignores SIGTERM", cause)
