"""From the start of the tool's stop command until it has returned and no instance is left; each ends at SIGTERM."""

from __future__ import annotations

from benchmarks.measurements.base import Measurement, Samples, Scale
from benchmarks.results import Row
from benchmarks.trial import Trial


def take(trial: Trial, _scale: Scale) -> Samples:
    trial.up()
    trial.wait_until_all_steady()
    return {"down": [trial.down()]}


DOWN = Measurement("down", (Row("down", "down, until none is left", "ms"),), take)
