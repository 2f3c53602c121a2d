"""From the start of the tool's command, with nothing running, until every instance has been exec'd."""

from __future__ import annotations

from benchmarks.measurements.base import Measurement, Samples, Scale
from benchmarks.results import Row
from benchmarks.trial import Trial


def take(trial: Trial, _scale: Scale) -> Samples:
    return {"up": [trial.up()]}


UP = Measurement("up", (Row("up", "up, until all have been exec'd", "ms"),), take)
