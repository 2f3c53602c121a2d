"""A program that says WATCHDOG=1 while it is well (sd_notify(3)): each interval without it is a bad answer."""

from __future__ import annotations

from procession.loop import Loop
from procession.stack.model import Probe
from procession.supervisor.linux.attempts import Judge

MICROSECONDS = 1_000_000


class Watchdog:
    """Of one life. Good news is told only after bad: most programs say it all day long, and nothing follows from it."""

    __slots__ = ("_interval_seconds", "_judge", "_loop", "_was_missed")

    def __init__(self, loop: Loop, probe: Probe, judge: Judge) -> None:
        self._loop = loop
        self._interval_seconds = probe.interval_seconds
        self._judge = judge
        self._was_missed = False

    def begin(self, _first_seconds: float) -> None:
        self._loop.call_after(self._interval_seconds, self, self._missed)

    def end(self) -> None:
        self._loop.cancel(self)

    def beat(self, interval_seconds: float) -> None:
        """It is well; from now on it wants to say so within `interval_seconds`, 0: as before."""
        self._interval_seconds = interval_seconds or self._interval_seconds
        self._loop.call_after(self._interval_seconds, self, self._missed)
        if self._was_missed:
            self._was_missed = False
            self._judge(True, "WATCHDOG=1")

    def _missed(self) -> None:
        self._was_missed = True
        self._loop.call_after(self._interval_seconds, self, self._missed)
        self._judge(False, f"no WATCHDOG=1 within {self._interval_seconds:g} s")


def variables(probe: Probe, main: int) -> dict[str, str]:
    """What tells a program how often to say it (sd_watchdog_enabled(3)); `main` is the pid of its main process."""
    return {"WATCHDOG_USEC": str(round(probe.interval_seconds * MICROSECONDS)), "WATCHDOG_PID": str(main)}
