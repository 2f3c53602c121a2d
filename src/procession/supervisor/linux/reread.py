"""SIGHUP: the declaration is read anew by `procession update`, as a child of ours, so that it can be asked for by
whoever knows our pid alone. What it says is noted, line by line.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from procession.loop import Loop
from procession.supervisor.linux.children import Children
from procession.supervisor.linux.environment import NOT_PASSED_ON
from procession.supervisor.linux.signals import TAKEN

READ_BYTES = 64 << 10
LINES_MAX = 1000  # of one run
LINE_CHARACTERS_MAX = 2000
UNKNOWN = "SIGHUP: it is not known how this declaration is read; run: procession update"


class Reread:
    """One run at a time. Asked for again meanwhile, it runs once more: what was read may be older than the wish.

    `note(text)` hears the words, `ended(code)` how each run ended; None: nobody knows.
    """

    __slots__ = ("_children", "_ended", "_fd", "_lines", "_loop", "_next", "_note", "_rest", "is_running")

    def __init__(
        self, loop: Loop, children: Children, note: Callable[[str], object], ended: Callable[[int | None], object]
    ) -> None:
        self._loop = loop
        self._children = children
        self._note = note
        self._ended = ended
        self._next: tuple[str, ...] = ()
        self._fd = -1
        self._rest = b""
        self._lines = 0
        self.is_running = False

    def ask(self, command: tuple[str, ...]) -> None:
        """Run it, now or after the run that is under way."""
        if not command:
            self._note(UNKNOWN)
        elif self.is_running:
            self._next = command
        else:
            self._begin(command)

    def _begin(self, command: tuple[str, ...]) -> None:
        try:
            pid, self._fd = _spawn(command)
        except OSError as error:
            self._note(f"update: cannot start {command[0]}: {error.strerror}")
            return
        self.is_running = True
        self._rest, self._lines = b"", 0
        self._loop.watch(self._fd, self._read)
        self._children.add(pid, self._finish)

    def _read(self) -> bool:
        """False: there is nothing (more)."""
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[:LINE_CHARACTERS_MAX]
        for line in lines:
            self._say(line)
        if not data:
            self._loop.forget(self._fd)  # it has closed its end: what is left to hear of is its own
        return bool(data)

    def _say(self, line: bytes) -> None:
        self._lines += 1
        if line and self._lines <= LINES_MAX:
            self._note(f"update: {line[:LINE_CHARACTERS_MAX].decode('utf-8', 'replace')}")

    def _finish(self, status: int | None) -> None:
        while self._read():
            pass
        self._say(self._rest)
        self._loop.forget(self._fd)
        os.close(self._fd)
        self.is_running = False
        self._ended(status)
        command, self._next = self._next, ()
        if command:
            self._begin(command)


def _spawn(command: tuple[str, ...]) -> tuple[int, int]:
    """Its pid, and the fd where it can be heard. Raises OSError."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    environment = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    try:
        os.set_blocking(writing, True)
        pid = os.posix_spawn(
            command[0],
            command,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, writing, 1),
                (os.POSIX_SPAWN_DUP2, writing, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=TAKEN,
        )
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return pid, reading
