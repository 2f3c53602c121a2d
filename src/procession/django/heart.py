"""The heartbeat of this process: a file that it touches while its main loop turns.

Whoever runs the process says where (PROCESSION_HEARTBEAT, a path), and looks at the file's time of modification:

- it changes: the loop turns;
- it stays the same for longer than allowed: the loop is stuck;
- it is 0 (1970-01-01T00:00:00Z), or there is no file: nothing can be told, and nothing is to be judged.

A beat costs a comparison, and a system call every few seconds, so that it can be called in every turn of a busy loop.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

HEARTBEAT: Final = "PROCESSION_HEARTBEAT"
SECONDS: Final = "PROCESSION_HEARTBEAT_SECONDS"
EVERY_SECONDS: Final = 5.0
NEVER: Final = float("inf")

Complain = Callable[[str], object]


class Heart:
    """Beats at most every `every_seconds`; `complain` hears once why the file cannot be touched.

    It beats for the process that first does: one that is forked off later says nothing about its parent's loop.
    """

    __slots__ = ("_complain", "_next", "_path", "_pid", "every_seconds")

    def __init__(self, path: str, every_seconds: float, complain: Complain) -> None:
        self.every_seconds = every_seconds
        self._path = path
        self._complain = complain
        self._pid = 0
        self._next = 0.0  # monotonic

    def beat(self) -> None:
        """The loop has turned. Never raises, never waits."""
        now = time.monotonic()
        if now < self._next or not self._is_ours():
            return
        self._next = now + self.every_seconds
        self._touch(None)

    def rest(self) -> None:
        """What comes now may take as long as it wants; the next beat ends that."""
        if self._next < NEVER and self._is_ours():
            self._next = 0.0
            self._touch((0.0, 0.0))

    def stop(self) -> None:
        """For good: nobody is to judge by it."""
        self.rest()
        self._next = NEVER

    def _is_ours(self) -> bool:
        self._pid = self._pid or os.getpid()
        return self._pid == os.getpid()

    def _touch(self, times: tuple[float, float] | None) -> None:
        try:
            try:
                os.utime(self._path, times)
            except FileNotFoundError:
                if times is None:
                    os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            self._next = NEVER  # Else every turn would say it.
            self._complain(f"cannot tell that it is alive: {error!r}")


def find_heart(complain: Complain) -> Heart | None:
    """The heart that our environment asks for; None if nobody listens."""
    path = os.environ.get(HEARTBEAT, "")
    return Heart(path, _every_seconds(complain), complain) if path else None


def _every_seconds(complain: Complain) -> float:
    said = os.environ.get(SECONDS) or EVERY_SECONDS
    try:
        return float(said)
    except ValueError:
        complain(f"{SECONDS} is no number of seconds: {said!r}")
        return EVERY_SECONDS
