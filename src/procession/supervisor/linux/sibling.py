"""Programs of our own that run beside us: the recorder, and the holders of terminals."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from procession.supervisor.linux.signals import block_signals, reset_signals, unblock_signals


def argv_of(program: str, *arguments: str) -> list[str]:
    """How the folder `program` of this package is run: nothing but the standard library is on its path."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return [sys.executable, "-I", "-S", os.path.join(package, program, "__main__.py"), *arguments]


def start(argv: list[str], fds: Mapping[int, int]) -> int:
    """Start it in a session of its own, with our stdout and stderr, and `fds` of ours at the numbers that are their
    keys; its pid. Raises OSError.
    """
    block_signals()
    try:
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                for place, fd in fds.items():
                    _put(fd, place)
                reset_signals()
                os.execv(argv[0], argv)
            finally:
                os._exit(127)
    finally:
        unblock_signals()
    return pid


def _put(fd: int, place: int) -> None:
    """Open at this number after an exec."""
    if fd == place:
        os.set_inheritable(fd, True)  # dup2(2) of an fd onto itself leaves it close-on-exec
    else:
        os.dup2(fd, place)
