"""Every metric that there is, in the order in which they are shown.

Names and units follow https://prometheus.io/docs/practices/naming/. No label is called `instance`: Prometheus gives
that name to the address that it has asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Type(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"


class Family(NamedTuple):
    name: str
    type: Type
    help: str
    labels: tuple[str, ...] = ()


OF_PROCESS = ("process",)
OF_INSTANCE = ("process", "replica")


def _gauge(name: str, help: str, *labels: str) -> Family:
    return Family(f"procession_{name}", Type.GAUGE, help, labels)


def _counter(name: str, help: str, *labels: str) -> Family:
    return Family(f"procession_{name}_total", Type.COUNTER, help, labels)


UP: Final = _gauge("up", "Whether the supervisor answers.")
INFO: Final = _gauge("info", "The stack, and the version of its supervisor; always 1.", "stack", "version")
SUPERVISOR_UPTIME: Final = _gauge("supervisor_uptime_seconds", "Time since the supervisor began.")
SUPERVISOR_MEMORY: Final = _gauge(
    "supervisor_memory_bytes", "Memory (PSS) of the supervisor and of its recorder.", "program"
)
SUPERVISOR_CPU: Final = _counter(
    "supervisor_cpu_seconds", "Processor time of the supervisor and of its recorder.", "program"
)
RECORDER_RESTARTS: Final = _counter("recorder_restarts", "Times that the recorder was started again.")

PROCESS_INFO: Final = _gauge("process_info", "What is declared; always 1.", *OF_PROCESS, "backend", "kind")
PROCESS_WANTED: Final = _gauge("process_wanted", "Instances that shall run.", *OF_PROCESS)
PROCESS_READY: Final = _gauge(
    "process_ready", "Of those, the ones that are ready, stand by, or have done their task.", *OF_PROCESS
)

STATE: Final = _gauge("instance_state", "1 for the state that it is in, 0 for the others.", *OF_INSTANCE, "state")
CRASH_LOOPING: Final = _gauge("instance_crash_looping", "Whether it starts, dies and starts again.", *OF_INSTANCE)
RESTARTS: Final = _counter("instance_restarts", "Starts after its first, rolls included.", *OF_INSTANCE)
LAST_EXIT: Final = _gauge(
    "instance_last_exit_info",
    "How it ended last: its exit code, or the signal that killed it; always 1.",
    *(*OF_INSTANCE, "code", "signal"),
)
READINESS_FAILURES: Final = _counter(
    "instance_readiness_failures",
    "Readiness probes that failed once it had been ready, and starts that were not ready in time.",
    *OF_INSTANCE,
)
UPTIME: Final = _gauge("instance_uptime_seconds", "Time since its main process was started.", *OF_INSTANCE)
CPU: Final = _counter(
    "instance_cpu_seconds", "Processor time of its whole tree, ended children included.", *OF_INSTANCE
)
MEMORY: Final = _gauge(
    "instance_memory_bytes", "Memory (PSS) of its whole tree: what is shared counts once.", *OF_INSTANCE
)
OPEN_FDS: Final = _gauge("instance_open_fds", "Open file descriptors of its whole tree.", *OF_INSTANCE)
PROCESSES: Final = _gauge("instance_processes", "Processes in its tree.", *OF_INSTANCE)

LOG_BYTES: Final = _counter("log_bytes", "Bytes that it has written to its output.", *OF_INSTANCE)
LOG_DROPPED: Final = _counter(
    "log_dropped_lines", "Lines of it that could not be written to its log, and are lost.", *OF_INSTANCE
)

QUEUE_DEPTH: Final = _gauge(
    "queue_depth", "Tasks that wait for a worker and could be taken now.", "runner", "queue", "priority"
)
QUEUE_TASKS: Final = _gauge(
    "queue_tasks", "Other tasks that the runner knows of: scheduled, running, failed, ...", "runner", "queue", "state"
)
QUEUES_UP: Final = _gauge("queues_up", "Whether the queues of this task runner could be asked.", "runner")

FAMILIES: Final[tuple[Family, ...]] = tuple(value for value in tuple(globals().values()) if isinstance(value, Family))
BY_NAME: Final[Mapping[str, Family]] = {family.name: family for family in FAMILIES}
