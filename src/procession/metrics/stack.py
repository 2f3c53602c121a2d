"""What the supervisor's status says (see `supervisor.core.view`), and what its instances use, as samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from signal import Signals
from typing import Final

from procession.control.wire import Message
from procession.metrics import families as f
from procession.metrics.exposition import Sample
from procession.metrics.families import Family
from procession.metrics.usage import cpu_seconds_alone, usage
from procession.recorder.reading.counts import Count
from procession.supervisor.core.instance import Phase
from procession.supervisor.linux.procfs import read_memory

SETTLED: Final = frozenset({Phase.READY, Phase.STANDBY, Phase.DONE})
PHASES: Final = tuple(phase.value for phase in Phase)


def stack_samples(status: Message, counts: Mapping[str, Count]) -> Iterator[Sample]:
    """Of the data of `status`, and of what the recorder has counted for each instance."""
    yield from _supervisor(status)
    for process in status["processes"]:
        yield from _process(process, [view for view in status["instances"] if view["process"] == process["name"]])
    for view in status["instances"]:
        yield from _instance(view)
    for name, count in counts.items():
        labels = _labels(name)
        yield Sample(f.LOG_BYTES, labels, count.written_bytes)
        yield Sample(f.LOG_DROPPED, labels, count.dropped_lines)


def _supervisor(status: Message) -> Iterator[Sample]:
    own = status["supervisor"]
    yield Sample(f.UP, (), 1)
    yield Sample(f.INFO, (status["name"], own["version"]), 1)
    yield Sample(f.SUPERVISOR_UPTIME, (), own["uptime_seconds"])
    yield Sample(f.RECORDER_RESTARTS, (), own["recorder_restarts"])
    for program, pid in (("supervisor", own["pid"]), ("recorder", own["recorder_pid"])):
        yield Sample(f.SUPERVISOR_MEMORY, (program,), read_memory(pid))  # of it alone: the site is below it
        yield Sample(f.SUPERVISOR_CPU, (program,), cpu_seconds_alone(pid))


def _process(process: Message, views: list[Message]) -> Iterator[Sample]:
    name = (process["name"],)
    wanted = [view for view in views if view["wanted"] and not view["outgoing"]]
    yield Sample(f.PROCESS_INFO, (*name, process["backend"], process["kind"]), 1)
    yield Sample(f.PROCESS_WANTED, name, len(wanted))
    yield Sample(f.PROCESS_READY, name, sum(view["phase"] in SETTLED for view in wanted))


def _instance(view: Message) -> Iterator[Sample]:
    labels = _labels(view["name"], is_old=view["outgoing"])
    for phase in PHASES:
        yield Sample(f.STATE, (*labels, phase), view["phase"] == phase)
    if view["pid"]:
        yield from _usage(view, labels)
    if view["outgoing"]:
        return  # what is counted for a name is counted for the one that takes its place
    yield Sample(f.CRASH_LOOPING, labels, view["crash_looping"])
    yield Sample(f.RESTARTS, labels, view["restarts"])
    yield Sample(f.READINESS_FAILURES, labels, view.get("readiness_failures", 0))  # an older supervisor does not count
    if (status := view.get("last_status")) is not None:
        yield Sample(f.LAST_EXIT, (*labels, *_exit(status)), 1)


def _usage(view: Message, labels: tuple[str, str]) -> Iterator[Sample]:
    used = usage(view["pid"])
    numbers: dict[Family, float] = {
        f.UPTIME: view["uptime_seconds"],
        f.CPU: used.cpu_seconds,
        f.MEMORY: used.memory_bytes,
        f.OPEN_FDS: used.open_fds,
        f.PROCESSES: used.processes,
    }
    yield from (Sample(family, labels, number) for family, number in numbers.items())


def _labels(name: str, *, is_old: bool = False) -> tuple[str, str]:
    """`web.2` is process `web`, replica `2`; while it is being rolled, the one that makes room is replica `2-old`."""
    process, _, number = name.rpartition(".")
    return process, f"{number}-old" if is_old else number


def _exit(status: int) -> tuple[str, str]:
    """Code and signal, as the supervisor's `last_status` has them: an exit code, or minus a signal."""
    if status >= 0:
        return str(status), ""
    try:
        return "", Signals(-status).name
    except ValueError:  # real-time signals have no name of their own
        return "", str(-status)
