"""How a pod ends: off the Service first, then the stop ladder, then SIGKILL.

The kubelet runs preStop, sends TERM, and kills what is left when the grace period, which counts from the beginning, is
over. A pod is taken off its Service at the same moment as it is told to end, and every proxy learns of it a little
later; so a process that listens goes on for `pre_stop_seconds`.
"""

from __future__ import annotations

import math
import signal

from procession.engines.kubernetes import inside, scripts
from procession.engines.kubernetes.options import Options
from procession.engines.text.yaml import Data
from procession.stack.model import Process, StopStep

MARGIN_SECONDS = 5  # for the hook itself, and a kubelet that is busy
NATIVE_SLEEP_FROM = (1, 30)  # preStop.sleep: beta there, on by default; 1.34 calls it stable


def grace_seconds(process: Process, options: Options) -> int:
    """terminationGracePeriodSeconds: whatever the process may take, and no less."""
    return math.ceil(wait_seconds(process, options) + process.stop_seconds) + MARGIN_SECONDS


def wait_seconds(process: Process, options: Options) -> float:
    """For how long it goes on after the pod is told to end; 0 for who gets no requests."""
    return options.pre_stop_seconds if inside.ports(process) else 0.0


def lifecycle(process: Process, options: Options) -> dict[str, Data]:
    """{} where TERM at once, and later SIGKILL, is all that there is to do."""
    wait = wait_seconds(process, options)
    first, *later = process.stop
    if first.signal != "TERM":
        return _hook(_script(wait, "-", process.stop, options))
    if later and not inside.ports(process):  # A web server's later steps only matter to one that hangs: so is SIGKILL.
        return _hook(_script(wait, f"{first.seconds:g}", tuple(later), options))
    if not wait:
        return {}
    if version_of(options) >= NATIVE_SLEEP_FROM:
        return {"preStop": {"sleep": {"seconds": math.ceil(wait)}}}
    return _hook([options.python, "-I", "-S", "-c", f"import time; time.sleep({wait:g})"])


def version_of(options: Options) -> tuple[int, ...]:
    """(1, 30) of "1.30"; () if it is no version."""
    parts = options.version.removeprefix("v").split(".")
    return tuple(int(part) for part in parts[:2]) if all(part.isdecimal() for part in parts) else ()


def _hook(command: list[str]) -> dict[str, Data]:
    return {"preStop": {"exec": {"command": list(command)}}}


def _script(wait: float, first: str, steps: tuple[StopStep, ...], options: Options) -> list[str]:
    words = [f"{signal.Signals[f'SIG{step.signal}'].value}:{step.seconds:g}" for step in steps]
    return scripts.run(scripts.STOP, options, "1", f"{wait:g}", first, *words)
