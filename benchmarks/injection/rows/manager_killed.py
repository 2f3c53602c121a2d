"""`kill -9` of the manager, while a service prints through it."""

from __future__ import annotations

from benchmarks.injection.rows.base import Fault, Scale
from benchmarks.injection.trial import Trial

WATCH_SECONDS = 3.0  # in which the service prints 150 times


def cause(trial: Trial, _scale: Scale) -> str:
    trial.up(trial.service("write"))
    first = trial.born("write")[0]
    trial.kill_manager()
    trial.pass_time(WATCH_SECONDS)
    service = "lives" if first in trial.alive("write") else "dies at its next line"
    manager = "the manager is back" if trial.is_managed() else "no manager"
    return f"service {service}, {manager}"


MANAGER_KILLED = Fault("manager-killed", "kill -9 of the manager, services print through it", cause)
