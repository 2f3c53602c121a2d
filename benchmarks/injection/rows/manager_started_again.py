"""`kill -9` of the manager, then its start command once more: how many copies of a service are there?"""

from __future__ import annotations

from benchmarks.injection.rows.base import Fault, Scale
from benchmarks.injection.trial import Trial

WATCH_SECONDS = 3.0


def cause(trial: Trial, _scale: Scale) -> str:
    trial.up(trial.service("wait"))
    first = trial.born("wait")[0]
    trial.kill_manager()
    trial.start()
    trial.comes_true(lambda: len(trial.alive("wait")) > 1, WATCH_SECONDS)
    copies = trial.alive("wait")
    if copies == [first]:
        return "one, the same as before"
    return f"{len(copies)} copies" if first in copies else "one, the old one was ended"


MANAGER_STARTED_AGAIN = Fault("started-again", "the same, and the manager is started again", cause)
