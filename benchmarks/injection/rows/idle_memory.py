"""What the manager weighs with ten services that do nothing."""

from __future__ import annotations

from benchmarks import processes
from benchmarks.injection.rows.base import Fault, Scale
from benchmarks.injection.trial import Trial

SERVICES = 10
SETTLE_SECONDS = 2.0


def cause(trial: Trial, _scale: Scale) -> str:
    names = [f"wait{number}" for number in range(SERVICES)]
    trial.up(*(trial.service("wait", name=name) for name in names))
    trial.pass_time(SETTLE_SECONDS)
    services = {pid for name in names for pid in trial.born(name)}
    return f"{processes.measure_memory_bytes(processes.read_descendants() - services) / 2**20:.1f} MiB"


IDLE_MEMORY = Fault("idle-memory", "idle, 10 services: its own processes' proportional set size", cause)
