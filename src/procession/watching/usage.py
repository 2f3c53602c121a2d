"""What a tree of processes uses now, out of /proc: read while somebody looks, kept nowhere."""

from __future__ import annotations

from typing import NamedTuple

from procession.console import views
from procession.metrics.usage import cpu_seconds


class Usage(NamedTuple):
    """Memory as `procession status` has it; processor time since the start, that of ended children included."""

    memory_bytes: int
    cpu_seconds: float


def usage(pid: int) -> Usage:
    """Of the process and all its descendants; zeros when it has gone."""
    return Usage(views.memory_bytes(pid), sum(map(cpu_seconds, views.tree(pid))))
