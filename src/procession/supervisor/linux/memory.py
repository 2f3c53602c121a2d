"""Memory of the lives that have a limit: weighed where no cgroup holds them to it, and whom the kernel killed for it.

Without such a limit nothing here ever wakes the supervisor. A look costs one read of /proc for each process of the
tree, in which the kernel goes through all its mappings.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic

from procession.loop import Loop
from procession.stack.model import Kind, Process
from procession.supervisor.core.events import Grown, MemoryKilled
from procession.supervisor.core.instance import OutOfMemory
from procession.supervisor.linux import procfs
from procession.supervisor.linux.group import Group, parse_memory_events

LOOK_SECONDS = 30.0  # between two looks at how much a tree uses
NEAR_SECONDS = 5.0  # the same, of one that has used NEAR of its limit
NEAR = 0.9
SAME_SECONDS = 1.0  # a kill that the group told of this long before a death may have been that death
COUNTS_BYTES = 4096


@dataclass(slots=True, kw_only=True)
class Eye:
    """What is kept of a life whose group counts its kills."""

    fd: int  # of its memory.events
    at_limit: int = 0
    kills: int = 0
    last: tuple[float, OutOfMemory] = (0.0, OutOfMemory.NO)  # when the count last grew, and whose limit it was


class Memory:
    """`tell` hears what is wrong with the memory of a life."""

    __slots__ = ("_eyes", "_kills", "_loop", "_tell")

    def __init__(self, loop: Loop, tell: Callable[[Grown | MemoryKilled], object]) -> None:
        self._loop = loop
        self._tell = tell
        self._eyes: dict[int, Eye] = {}  # by the number of the life
        self._kills = procfs.memory_kills()

    def watch(self, name: str, number: int, process: Process, pid: int, group: Group | None) -> None:
        """From now on, until `forget`: see its limit kept, or say that it is not."""
        if group is not None and "memory" in group.held:
            self._open_eye(name, number, group)
        elif process.limits.memory_bytes and process.kind is Kind.PROCESS:
            self._look_after(LOOK_SECONDS, name, number, process.limits.memory_bytes, lambda: _pids(pid, group))

    def forget(self, number: int) -> None:
        """Its main process is gone."""
        self._loop.cancel(("weigh", number))
        eye = self._eyes.pop(number, None)
        if eye is not None:
            self._loop.forget(eye.fd)
            os.close(eye.fd)

    def killer(self, name: str, number: int, status: int | None) -> OutOfMemory:
        """What the out-of-memory killer had to do with the death of a main process. `status` None: not known."""
        if status not in (-signal.SIGKILL, None):
            return OutOfMemory.NO
        if number in self._eyes:
            self._see(name, number)
            at, killer = self._eyes[number].last
            return killer if monotonic() - at < SAME_SECONDS else OutOfMemory.NO
        if status is None:
            return OutOfMemory.NO
        kills, self._kills = self._kills, procfs.memory_kills()
        return OutOfMemory.LIKELY if self._kills > kills else OutOfMemory.NO

    def _open_eye(self, name: str, number: int, group: Group) -> None:
        """The kernel tells of each change of this file (POLLPRI, cgroup-v2.rst)."""
        self.forget(number)
        try:
            fd = os.open(f"{group.path}/memory.events", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        eye = self._eyes[number] = Eye(fd=fd)
        eye.at_limit, eye.kills = _counts(fd)
        try:
            self._loop.watch(fd, lambda: self._see(name, number), select.EPOLLPRI)
        except OSError:
            pass  # it is looked at when the main process dies

    def _see(self, name: str, number: int) -> None:
        eye = self._eyes[number]
        before = eye.at_limit, eye.kills
        eye.at_limit, eye.kills = _counts(eye.fd)
        if eye.kills > before[1]:
            killer = OutOfMemory.LIMIT if eye.at_limit > before[0] else OutOfMemory.MACHINE
            eye.last = (monotonic(), killer)
            self._tell(MemoryKilled(name, number, eye.kills - before[1], killer))

    def _look_after(
        self, seconds: float, name: str, number: int, limit_bytes: int, pids: Callable[[], Iterator[int]]
    ) -> None:
        def look() -> None:
            used_bytes = sum(map(procfs.read_memory, set(pids())))
            wait = NEAR_SECONDS if used_bytes >= NEAR * limit_bytes else LOOK_SECONDS
            self._look_after(wait, name, number, limit_bytes, pids)
            if used_bytes > limit_bytes:
                self._tell(Grown(name, number, used_bytes))

        self._loop.call_after(seconds, ("weigh", number), look)


def _pids(main: int, group: Group | None) -> Iterator[int]:
    """All of the tree; without a group, what descends from the main process."""
    yield main
    if group is not None:
        yield from group.pids()
    else:
        yield from _descendants(main)


def _descendants(pid: int) -> Iterator[int]:
    for child in procfs.children_of(pid):
        yield child
        yield from _descendants(child)


def _counts(fd: int) -> tuple[int, int]:
    """A read from the beginning also makes the next change news again."""
    try:
        return parse_memory_events(os.pread(fd, COUNTS_BYTES, 0).decode())
    except OSError:
        return 0, 0
