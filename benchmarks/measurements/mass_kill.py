"""From `kill -9` of all steady instances at once until all have been exec'd again."""

from __future__ import annotations

import time

from benchmarks.measurements.base import Measurement, NotOffered, Samples, Scale
from benchmarks.results import Row
from benchmarks.trial import Trial


def take(trial: Trial, scale: Scale) -> Samples:
    if not trial.peer.restarts:
        raise NotOffered("it ends all processes when one has died")
    trial.up()
    return {"mass_kill": [_time_return_of_all(trial) for _ in range(scale.mass_kills)]}


def _time_return_of_all(trial: Trial) -> float:
    trial.wait_until_all_steady()
    trial.wait_within_tick()
    victims = list(trial.born)
    began = time.monotonic_ns()
    for pid in victims:
        trial.kill(pid)
    return (trial.collect_births(len(victims)) - began) / 1e9


MASS_KILL = Measurement("mass_kill", (Row("mass_kill", "all killed at once, until all are back", "ms"),), take)
