"""From `kill -9` of one steady instance to the first instruction of the program that replaces it."""

from __future__ import annotations

import time

from benchmarks.measurements.base import Measurement, NotOffered, Samples, Scale
from benchmarks.results import Row
from benchmarks.trial import Trial


def take(trial: Trial, scale: Scale) -> Samples:
    if not trial.peer.restarts:
        raise NotOffered("it ends all processes when one has died")
    trial.up()
    return {"restart": [_time_restart(trial) for _ in range(scale.kills)]}


def _time_restart(trial: Trial) -> float:
    """The oldest of several instances, so that few seconds pass until it is steady; at any phase of the tool's tick."""
    victim = trial.wait_until_steady()
    trial.wait_within_tick()
    began = time.monotonic_ns()
    trial.kill(victim)
    return (trial.collect_births(1) - began) / 1e9


RESTART = Measurement(
    name="restart",
    rows=(Row("restart", "restart after kill -9 of a steady instance", "ms"),),
    take=take,
    count_instances=lambda scale: scale.restart_instances,
)
