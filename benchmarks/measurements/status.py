"""Wall time of the tool's status command, as a person at a prompt waits for it."""

from __future__ import annotations

from benchmarks.measurements.base import Measurement, NotOffered, Samples, Scale
from benchmarks.results import Row
from benchmarks.trial import Trial


def take(trial: Trial, scale: Scale) -> Samples:
    argv = trial.peer.status
    if argv is None:
        raise NotOffered("it has no such command")
    trial.up()
    trial.wait_until_all_steady()
    return {"status": [trial.time_command(argv) for _ in range(scale.statuses)]}


STATUS = Measurement("status", (Row("status", "status", "ms"),), take)
