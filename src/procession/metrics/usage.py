"""What a tree of processes uses now, out of /proc (proc(5)): read while somebody asks, kept nowhere."""

from __future__ import annotations

import os
from typing import NamedTuple

from procession.supervisor.linux.procfs import TICKS_A_SECOND, children_of, read_file, read_memory


class Usage(NamedTuple):
    cpu_seconds: float
    memory_bytes: int
    open_fds: int
    processes: int


def usage(pid: int) -> Usage:
    """Of the process and all its descendants. One that ends meanwhile, or is not ours to look at, counts as nothing."""
    members = tree(pid)
    return Usage(
        sum(map(cpu_seconds, members)), sum(map(read_memory, members)), sum(map(_open_fds, members)), len(members)
    )


def tree(pid: int) -> list[int]:
    """The pid and those of its descendants; [] for 0, and for one that has gone."""
    found = [pid] if pid and os.path.exists(f"/proc/{pid}") else []
    for member in found:
        found.extend(children_of(member))
    return found


def cpu_seconds(pid: int) -> float:
    """utime, stime, cutime and cstime: fields 14 to 17 of /proc/PID/stat; so what its ended children used is in it."""
    return sum(_ticks(pid)) / TICKS_A_SECOND


def cpu_seconds_alone(pid: int) -> float:
    """Without its children's, which are others' of a supervisor."""
    return sum(_ticks(pid)[:2]) / TICKS_A_SECOND


def _ticks(pid: int) -> list[int]:
    data = read_file(f"/proc/{pid}/stat")
    behind_name = data[data.rfind(b")") + 2 :].split()  # a program's name may hold blanks and parentheses
    return [int(field) for field in behind_name[11:15]]


def _open_fds(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0
