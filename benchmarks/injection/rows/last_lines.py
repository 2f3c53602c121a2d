"""A service prints many lines and ends at once: which of them reach the log?"""

from __future__ import annotations

import re

from benchmarks.injection.rows.base import Fault, Scale
from benchmarks.injection.trial import Trial

SETTLE_SECONDS_MAX = 20.0
STILL_SECONDS = 1.0


def cause(trial: Trial, scale: Scale) -> str:
    service = trial.service("lines", scale.lines)
    trial.up(service)
    numbers: list[int] = []
    while True:
        before = len(numbers)
        trial.pass_time(STILL_SECONDS)
        numbers = [int(number) for number in re.findall(rb"line (\d{9})", service.log.read_bytes())]
        if len(numbers) >= scale.lines or (numbers and len(numbers) == before):
            break
    lost, doubled = scale.lines - len(set(numbers)), len(numbers) - len(set(numbers))
    return f"{lost:,} lost" + (f", {doubled:,} doubled" if doubled else "")


LAST_LINES = Fault("last-lines", "40,000 lines, then an end", cause)
