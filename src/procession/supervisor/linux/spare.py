"""A few file descriptors in reserve, so that a supervisor that has no other left (EMFILE, ENFILE) still sees /proc.

Without them each look at a process would find nothing, and nothing there means: all gone, start the next one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from errno import EMFILE, ENFILE
from typing import TypeVar

SPARES = 2  # a look at a process while a pidfd of it is open

T = TypeVar("T")

_spares: list[int] = []


def keep_spares() -> None:
    """Have them all again, as far as there is room."""
    try:
        while len(_spares) < SPARES:
            _spares.append(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        pass  # who closes what it has opened with a spare one makes the room


def with_spare(call: Callable[[], T]) -> T:
    """What `call` gives, which opens at most one file and closes it; where there is no fd for it, it gets a spare one.

    Raises what `call` raises.
    """
    try:
        return call()
    except OSError as error:
        if error.errno not in (EMFILE, ENFILE) or not _spares:
            raise
    os.close(_spares.pop())
    try:
        return call()
    finally:
        keep_spares()
