"""Looks beside the screen, again and again: a supervisor that does not answer, or a slow disk, holds up no key."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from typing import Protocol

from procession.recorder.reading.records import Record
from procession.refusal import Refusal
from procession.watching import tail
from procession.watching.look import ask_elsewhere, look
from procession.watching.picture import Picture

JOIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at what runs: the picture, or what the trouble is and what to do. `at` is monotonic."""

    at: float
    picture: Picture | None = None
    trouble: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose log, a process's or an instance's, and what must be in its lines ("": anything)."""

    name: str = ""
    find: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """Lines of `wanted`, oldest first: the last ones (`is_first`), or those that came since; or why there are none."""

    wanted: Wanted
    is_first: bool
    records: tuple[Record, ...] = ()
    is_cut: bool = False
    trouble: str = ""


class Again(Thread):
    """Does one thing every so many seconds, and at once when it is woken, until it is ended."""

    def __init__(self, do: Callable[[], None], every_seconds: float) -> None:
        super().__init__(daemon=True)  # whatever it waits for, the program may end
        self.every_seconds = every_seconds
        self._do = do
        self._woken = Event()
        self._is_ended = False

    def wake(self) -> None:
        self._woken.set()

    def end(self) -> None:
        """It may still be in the middle of it when this returns: what it waits for is not ours to end."""
        self._is_ended = True
        self._woken.set()
        self.join(JOIN_SECONDS)

    def run(self) -> None:
        while not self._is_ended:
            self._do()
            self._woken.wait(self.every_seconds)
            self._woken.clear()


class Tell(Protocol):
    """Called in the thread that looks."""

    def __call__(self, news: Seen | Heard, /) -> None: ...


class Looker:
    """Asks the supervisor what runs."""

    def __init__(self, directory: str, tell: Tell) -> None:
        self._directory = directory
        self._tell = tell

    def look(self) -> None:
        try:
            seen = look(self._directory)
        except Refusal as refusal:
            self._tell(Seen(time.monotonic(), trouble=refusal.what, fix=refusal.fix))
        else:
            self._tell(Seen(time.monotonic(), seen))


class Listener:
    """Follows the log that is `wanted`: whoever sets that hears its last lines, then those that come."""

    def __init__(self, directory: str, tell: Tell) -> None:
        self.wanted = Wanted()
        self._directory = directory
        self._tell = tell
        self._followed = Wanted()
        self._cursor = ""

    def listen(self) -> None:
        wanted = self.wanted  # another one may be set meanwhile
        if not wanted.name:
            return
        is_first = wanted != self._followed
        elsewhere = ask_elsewhere(self._directory, f"procession logs {wanted.name}")
        if elsewhere:
            self._tell(Heard(wanted, is_first=True, trouble=elsewhere))
            return
        try:
            found = self._read(wanted, is_first)
        except OSError as error:
            self._tell(Heard(wanted, is_first=True, trouble=f"cannot read {error.filename}: {error.strerror}"))
            self._followed = Wanted()
            return
        self._followed, self._cursor = wanted, found.cursor
        if is_first or found.records:
            self._tell(Heard(wanted, is_first, tuple(found.records), found.is_cut))

    def _read(self, wanted: Wanted, is_first: bool) -> tail.Tail:
        """Raises OSError."""
        if is_first or not self._cursor:
            return tail.last_lines(self._directory, wanted.name, wanted.find)
        return tail.lines_after(self._directory, wanted.name, wanted.find, self._cursor)
