"""A service that dies again and again: how often it is started, and what the status calls that."""

from __future__ import annotations

from functools import partial

from benchmarks.injection.rows.base import Fault, Scale
from benchmarks.injection.trial import Trial


def cause(lifetime_seconds: float, trial: Trial, scale: Scale) -> str:
    trial.up(trial.service("crash", lifetime_seconds))
    trial.pass_time(scale.crash_seconds)
    starts = len(trial.born("crash"))
    if not trial.is_managed():
        return f"{starts} starts, then everything is ended"
    return ", ".join([f"{starts} starts", *_said(trial)])


def _said(trial: Trial) -> list[str]:
    """The word of its status for the service, in quotes."""
    if trial.manager.status is None:
        return []
    said = [line for line in trial.run(trial.manager.status).text.splitlines() if "crash" in line]
    words = [word for word in trial.manager.states if any(word in line for line in said)]
    return [f'"{words[0]}"'] if words else ["not in its status"]


CRASHES = (
    Fault("crashes-at-once", "a service dies at once, for 20 s", partial(cause, 0.0)),
    Fault("crashes-soon", "a service dies after 1.5 s, for 20 s", partial(cause, 1.5)),
)
