"""The configuration is read again, and has a mistake."""

from __future__ import annotations

from benchmarks.injection.managers.base import Argv
from benchmarks.injection.rows.base import Fault, NotOffered, Scale
from benchmarks.injection.trial import Trial

WATCH_SECONDS = 3.0


def cause(trial: Trial, _scale: Scale) -> str:
    if not trial.manager.rereads:
        raise NotOffered("it reads its configuration once")
    trial.up(trial.service("wait"))
    with (trial.directory / trial.manager.configuration).open("a") as file:
        file.write(trial.manager.mistake)
    said = [_read_again(trial, argv, name) for name, argv in trial.manager.rereads.items()]
    return "; ".join(said)


def _read_again(trial: Trial, argv: Argv, name: str) -> str:
    first = trial.born("wait")[0]
    done = trial.run(argv)
    stopped = trial.comes_true(lambda: first not in trial.alive("wait"), WATCH_SECONDS)
    return f"{name}: exit {done.status}, " + ("stops everything" if stopped else "all goes on")


BAD_CONFIGURATION = Fault("bad-configuration", "the new configuration has a mistake", cause)
