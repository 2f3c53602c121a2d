"""Log capture of flooding processes; the samples come from `logs.py`, which compares every byte."""

from __future__ import annotations

import importlib
import importlib.util
from functools import partial

from benchmarks.measurements.base import Measurement, NotOffered, Samples, Scale
from benchmarks.results import Row
from benchmarks.trial import Trial

LOGS = "benchmarks.logs"
PROCESSES = (1, 20)  # so many flood at once


def is_there() -> bool:
    return importlib.util.find_spec(LOGS) is not None


def take(trial: Trial, scale: Scale) -> Samples:
    """The trial itself is not started. Raises RuntimeError when a byte was lost, which `logs` says by SystemExit."""
    logs = importlib.import_module(LOGS)
    runs = {
        "procession": logs.with_recorder,
        "supervisord": partial(logs.with_supervisord, program=trial.peer.up[0]),
    }
    if trial.peer.name not in runs:
        raise NotOffered("log capture is measured beside supervisord alone")
    samples: dict[str, list[float]] = {}
    try:
        for processes in PROCESSES:
            result = logs.measure(runs[trial.peer.name], processes, scale.flood_mebibytes)
            samples[f"log_speed_{processes}"] = [result.mebibytes_per_second]
            samples[f"log_cpu_{processes}"] = [result.cpu_seconds_per_gibibyte]
    except SystemExit as reason:
        raise RuntimeError(str(reason)) from reason
    return samples


LOG_CAPTURE = Measurement(
    "logs",
    tuple(
        row
        for processes in PROCESSES
        for row in (
            Row(f"log_speed_{processes}", f"log capture, {processes} flooding (more is better)", "MiB/s", max),
            Row(f"log_cpu_{processes}", f"log capture, {processes} flooding: CPU time for 1 GiB", "s"),
        )
    ),
    take,
)
