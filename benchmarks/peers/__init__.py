"""The tools that are measured, in the order of the table's columns. A new one: one file here and one line below."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.peers import bare, circus, honcho, procession, s6, supervisord
from benchmarks.peers.base import Peer

INSTALLERS: dict[str, Callable[[Path], Peer]] = {
    "procession": procession.install,
    "bare": bare.install,
    "s6": s6.install,
    "supervisord": supervisord.install,
    "circus": circus.install,
    "honcho": honcho.install,
}
