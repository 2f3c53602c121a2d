"""Rotated files are compressed one at a time, in a niced process, when things have calmed down.

Not at once: what a flood fills and rotates within seconds falls off the end before anybody could read it, and
compressing it would take more of the machine than the flood itself.
"""

from __future__ import annotations

from time import monotonic

from procession.recorder.rotation import COMPRESS_AFTER_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.loop import Loop
    from procession.recorder.children import Children
    from procession.recorder.logfile import LogFile
    from procession.recorder.rotation import Rotated

KEY = "compression"


class Compression:
    """Picks the next file when its time has come; `schedule` is cheap and may be called at any time."""

    __slots__ = ("_after_seconds", "_children", "_is_running", "_logs", "_loop")

    def __init__(
        self, loop: Loop, children: Children, logs: dict[str, LogFile], after_seconds: float = COMPRESS_AFTER_SECONDS
    ) -> None:
        self._loop = loop
        self._children = children
        self._logs = logs
        self._after_seconds = after_seconds
        self._is_running = False

    def schedule(self) -> None:
        """Be woken when the first file is due, if there is one."""
        if self._is_running or self._loop.has_deadline(KEY):
            return
        waits = [self._wait_seconds(rotated) for rotated, _ in self._waiting()]
        if waits:
            self._loop.call_after(min(waits), KEY, self._start_one)

    def _waiting(self) -> list[tuple[Rotated, str]]:
        found = []
        for log in self._logs.values():
            name = log.rotated.to_compress() if log.rotated is not None and log.policy.compress else None
            if log.rotated is not None and name is not None:
                found.append((log.rotated, name))
        return found

    def _wait_seconds(self, rotated: Rotated) -> float:
        return rotated.turned_at + self._after_seconds - monotonic() if rotated.turned_at else self._after_seconds

    def _start_one(self) -> None:
        for rotated, name in self._waiting():
            if not rotated.turned_at or self._wait_seconds(rotated) <= 0:
                self._start(rotated, name)
                return
        self.schedule()

    def _start(self, rotated: Rotated, name: str) -> None:
        try:
            self._children.start("compress_main.py", [name], lambda _: self._ended(rotated, name))
            self._is_running = True
        except OSError:
            rotated.compressed(name)  # no memory, no processes: it stays as it is

    def _ended(self, rotated: Rotated, name: str) -> None:
        """Also after a failure it is not tried again: a full disk would make us try for ever."""
        self._is_running = False
        rotated.compressed(name)
        self._loop.call_after(0.0, KEY, self._start_one)
