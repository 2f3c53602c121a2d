"""A service's health check on Swarm: readiness once, and from then on liveness alone.

For Docker there is one check, and Swarm kills what fails it. Asked for readiness all its life, a site that is slow
because many ask, or whose database is away for a minute, would be killed on every node at once. So once an instance
was ready, which is when it gets traffic and an update goes on, only what LIVENESS says may end it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from procession.engines.containers import health
from procession.engines.containers.service import duration
from procession.engines.text.docker import Data
from procession.stack.model import Kind, Probe, ProbeType, Process

WAS_READY: Final = "/dev/shm/procession-was-ready"  # each instance is a new container, so it is not there at first
QUESTION_SECONDS_MIN: Final = 30.0  # Above a probe's own timeout: on a busy machine Python may take long to start.
CODE: Final = """\
import os
f={file!r}
if not os.path.exists(f):
 import subprocess,sys
 c=subprocess.call({ready!r})
 if c:sys.exit(1)
 open(f,'w').close()
{live}"""


def check(process: Process) -> dict[str, Data]:
    """`process` is as it is inside. {} for a task, and where there is nothing to ask."""
    ready, live = _readiness(process), _liveness(process)
    if process.kind is Kind.TASK or not (ready or live):
        return {}
    probe = process.readiness if ready else process.liveness or Probe()
    return {
        "test": ["CMD", *_command(ready, live)],
        "interval": duration(max(probe.interval_seconds, 1.0)),
        "timeout": duration(max(probe.timeout_seconds + 1.0, QUESTION_SECONDS_MIN)),
        "retries": (process.liveness or probe).failures or Probe().failures,
        "start_period": duration((process.startup or process.readiness).within_seconds),
    }


def _command(ready: Sequence[str], live: Sequence[str]) -> tuple[str, ...]:
    if not ready:
        return tuple(live)
    then = f"os.execvp({live[0]!r},{list(live)!r})\n" if live else ""
    return (*health.PYTHON, CODE.format(file=WAS_READY, ready=list(ready), live=then))


def _readiness(process: Process) -> tuple[str, ...]:
    return health.test_command(replace(process, liveness=None))


def _liveness(process: Process) -> tuple[str, ...]:
    probe = process.liveness
    if probe is None:
        return ()
    if probe.type is ProbeType.HEARTBEAT:
        return health.test_command(replace(process, readiness=Probe(type=ProbeType.NONE)))
    return health.test_command(replace(process, readiness=probe, liveness=None))
