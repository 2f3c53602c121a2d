"""What a tree of processes uses now, out of /proc: read while somebody looks, kept nowhere."""

from __future__ import annotations

import os
from typing import NamedTuple

from procession.console import views

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
READ_BYTES = 4096


class Usage(NamedTuple):
    """Memory as `procession status` has it; processor time since the start, that of ended children included."""

    memory_bytes: int
    cpu_seconds: float


def usage(pid: int) -> Usage:
    """Of the process and all its descendants; zeros when it has gone."""
    return Usage(views.memory_bytes(pid), sum(map(_cpu_seconds, views.tree(pid))))


def _cpu_seconds(pid: int) -> float:
    """utime, stime, cutime and cstime: fields 14 to 17 of /proc/PID/stat (proc(5))."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            data = file.read(READ_BYTES)
    except OSError:
        return 0.0
    behind_name = data[data.rfind(b")") + 2 :].split()  # a program's name may hold blanks and parentheses
    return sum(map(int, behind_name[11:15])) / TICKS_A_SECOND
