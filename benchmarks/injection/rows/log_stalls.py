"""The log takes nothing any more: a FIFO that nobody reads stands for a stuck disk. Does the manager still answer?"""

from __future__ import annotations

import os

from benchmarks.injection.rows.base import Fault, NotOffered, Scale
from benchmarks.injection.trial import Trial

FILL_SECONDS = 2.0  # for the pipe, and whatever is buffered before it, to be full
ANSWER_SECONDS_MAX = 5.0


def cause(trial: Trial, _scale: Scale) -> str:
    if trial.manager.status is None:
        raise NotOffered("it has no status that could be asked")
    fifo = trial.log_of("flood")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDWR)  # so that opening it does not block; it is never read
    try:
        trial.up(trial.service("flood", log=fifo))
        trial.pass_time(FILL_SECONDS)
        answer = trial.run(trial.manager.status, ANSWER_SECONDS_MAX)
    except TimeoutError:
        return "does not start a service with such a log"
    finally:
        os.close(reader)
    return "status answers" if answer.status == 0 else "freezes: status does not answer"


LOG_STALLS = Fault("log-stalls", "the log is stuck (a FIFO nobody reads)", cause)
