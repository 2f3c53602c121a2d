"""What the tool itself costs while its instances sleep: memory, CPU time and wake-ups of all its own processes."""

from __future__ import annotations

import time

from benchmarks import processes
from benchmarks.measurements.base import Measurement, Samples, Scale
from benchmarks.results import Row
from benchmarks.trial import Trial

SETTLE_SECONDS = 2.0  # what a tool still does once its instances are steady is not idleness


def take(trial: Trial, scale: Scale) -> Samples:
    trial.up()
    trial.wait_until_all_steady()
    time.sleep(SETTLE_SECONDS)
    own = trial.find_own_processes()
    before = processes.measure_usage(own)
    time.sleep(scale.idle_seconds)
    used = processes.measure_usage(own).since(before)
    return {
        "memory": [float(processes.measure_memory_bytes(own))],
        "cpu": [used.cpu_seconds],
        "wakeups": [float(used.wakeups)],
        "processes": [float(len(own))],
    }


IDLE = Measurement(
    "idle",
    (
        Row("memory", "idle: proportional set size", "MiB"),
        Row("cpu", "idle: CPU time", "ms"),
        Row("wakeups", "idle: wake-ups", ""),
        Row("processes", "idle: processes of its own", ""),
    ),
    take,
)
