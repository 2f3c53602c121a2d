"""The heartbeat of this process: a file that it touches while its main loop turns, or a word to systemd's watchdog.

Whoever runs the process says where (PROCESSION_HEARTBEAT, a path), and looks at the file's time of modification:

- it changes: the loop turns;
- it stays the same for longer than allowed: the loop is stuck;
- it is 0 (1970-01-01T00:00:00Z), or there is no file: nothing can be told, and nothing is to be judged.

Under systemd it is `watchdog:SECONDS` in place of a path. The first beat sets systemd's watchdog to so many seconds,
each further one winds it up, and a rest stops it (WATCHDOG_USEC= of sd_notify(3)), so that what never beats is not
judged there either. It is told on the socket in PROCESSION_NOTIFY.

A beat costs a comparison, and a system call every few seconds, so that it can be called in every turn of a busy loop.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from procession.django.ready import NOTIFY, send

HEARTBEAT: Final = "PROCESSION_HEARTBEAT"
SECONDS: Final = "PROCESSION_HEARTBEAT_SECONDS"
EVERY_SECONDS: Final = 5.0
WATCHDOG: Final = "watchdog:"  # of PROCESSION_HEARTBEAT
NEVER: Final = float("inf")

Complain = Callable[[str], object]


class Heart:
    """Beats at most every `every_seconds`; `complain` hears once why nobody can be told.

    It beats for the process that first does: one that is forked off later says nothing about its parent's loop.
    """

    __slots__ = ("_complain", "_has_complained", "_next", "_pid", "_where", "every_seconds")

    def __init__(self, where: str, every_seconds: float, complain: Complain) -> None:
        self.every_seconds = every_seconds
        self._where = where
        self._complain = complain
        self._has_complained = False
        self._pid = 0
        self._next = 0.0  # monotonic

    def beat(self) -> None:
        """The loop has turned. Never raises, never waits."""
        now = time.monotonic()
        if now < self._next or not self._is_ours():
            return
        self._next = now + self.every_seconds
        self._say(is_beat=True)

    def rest(self) -> None:
        """What comes now may take as long as it wants; the next beat ends that."""
        if self._next < NEVER and self._is_ours():
            self._next = 0.0
            self._say(is_beat=False)

    def stop(self) -> None:
        """For good: nobody is to judge by it."""
        self.rest()
        self._next = NEVER

    def _is_ours(self) -> bool:
        self._pid = self._pid or os.getpid()
        return self._pid == os.getpid()

    def _say(self, *, is_beat: bool) -> None:
        try:
            if self._where.startswith(WATCHDOG):
                _wind_up(float(self._where.removeprefix(WATCHDOG)) if is_beat else 0.0)
            else:
                _touch(self._where, None if is_beat else (0.0, 0.0))
        except BlockingIOError:
            pass  # systemd has much to read: the next beat will do
        except (OSError, ValueError) as error:
            if not self._has_complained:
                self._complain(f"cannot tell that it is alive: {error!r}")
            self._has_complained = True


def _touch(path: str, times: tuple[float, float] | None) -> None:
    try:
        os.utime(path, times)
    except FileNotFoundError:
        if times is None:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _wind_up(seconds: float) -> None:
    """Have systemd's watchdog bite if nothing is heard for so long from now on; 0: not at all."""
    send(os.environ.get(NOTIFY, ""), f"WATCHDOG_USEC={seconds * 1_000_000:.0f}".encode())


def find_heart(complain: Complain) -> Heart | None:
    """The heart that our environment asks for; None if nobody listens."""
    where = os.environ.get(HEARTBEAT, "")
    return Heart(where, _every_seconds(complain), complain) if where else None


def _every_seconds(complain: Complain) -> float:
    said = os.environ.get(SECONDS) or EVERY_SECONDS
    try:
        return float(said)
    except ValueError:
        complain(f"{SECONDS} is no number of seconds: {said!r}")
        return EVERY_SECONDS
