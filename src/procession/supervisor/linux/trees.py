"""What belongs to an instance besides its main process, and how all of it is killed.

A process belongs to the tree of a main process if it is in its control group, which it cannot leave by anything that it
does to itself; where there is none (see `cgroups`), if it is in its session, or carries its mark in the environment, or
descends from one that does. While we are the subreaper of the tree, every part of it descends from the main process or
from an orphan that became our child; so when the main process is dead and we have no unknown child, nothing is left,
and that one look at our children is all that a restart pays. The tree of an adopted instance is searched for in all of
/proc.

To kill a tree is to kill what can be seen, and to look again, until nothing new is seen. A process that has been sent
SIGKILL cannot fork any more (fork(2) fails while a fatal signal is pending), so each look leaves fewer that can.
Stopping them first would win nothing: SIGSTOP prevents a fork in the same way and at the same moment.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from procession.loop import Loop
from procession.supervisor.linux import kernel, procfs
from procession.supervisor.linux.cgroups import Groups
from procession.supervisor.linux.children import Children
from procession.supervisor.linux.group import Group
from procession.supervisor.linux.procfs import Mark, Stat
from procession.supervisor.linux.spare import with_spare

LOOKS_MAX = 50  # in one go; then the loop gets its turn before the next
LOOK_AGAIN_SECONDS = 0.01  # where something new was still seen in the last of them
SURVIVES_SECONDS = 5.0  # after SIGKILL, until we say that something does not die


@dataclass(frozen=True, slots=True)
class Tree:
    """`main` is the pid of the main process, and its session's id; `is_own`: we are its parent and its subreaper."""

    mark: Mark
    main: int
    start_ticks: int
    is_own: bool


def members(tree: Tree, children: Children, group: Group | None = None) -> Iterator[Stat]:
    """What lives of the tree now, without the main process itself; not always all, but nothing only if nothing does."""
    main = procfs.read_stat(tree.main)
    is_there = main is not None and main.start_ticks == tree.start_ticks
    is_reused = main is not None and not is_there

    def belongs(stat: Stat) -> bool:
        if stat.start_ticks < tree.start_ticks or stat.pid == tree.main:
            return False
        return (stat.session == tree.main and not is_reused) or procfs.read_mark(stat.pid) == tree.mark

    if group is not None:
        yield from (stat for stat in group.members() if stat.pid != tree.main or is_reused)
    if is_there:
        yield from _descendants(tree.main)
    yield from _search(children.strangers if tree.is_own else procfs.all_pids, belongs)


def everything(directory: str, children: Children, groups: Groups) -> Iterator[Stat]:
    """What lives of any instance of this stack directory, or was started by one; nothing only if nothing does.

    For the very end, when nothing may be left: whose a child is that nobody announced does not matter then.
    """

    def belongs(stat: Stat) -> bool:
        mark = procfs.read_mark(stat.pid)
        return mark is not None and mark.directory == directory and not children.is_own(stat.pid)

    yield from (stat for stat in groups.members() if not children.is_own(stat.pid))
    yield from _search(children.strangers, lambda _: True)
    yield from _search(procfs.all_pids, belongs)


def _search(list_pids: Callable[[], list[int]], belongs: Callable[[Stat], bool]) -> Iterator[Stat]:
    """What belongs among these, with all its descendants.

    A chain of processes, each of which forks the next one and dies, can be a step ahead of one look. So the newest come
    first, and that there is nothing is proven when nobody has come since the last look.
    """
    seen = {os.getpid()}
    is_found = False
    while not is_found and (new := set(list_pids()) - seen):
        for pid in sorted(new, reverse=True):
            stat = procfs.read_stat(pid)
            if stat is not None and not stat.is_dead and belongs(stat):
                is_found = True
                yield stat
                yield from _descendants(pid)
        seen |= new


def _descendants(pid: int) -> Iterator[Stat]:
    """All living descendants of a process."""
    for child in procfs.children_of(pid):
        stat = procfs.read_stat(child)
        if stat is not None and not stat.is_dead:
            yield stat
            yield from _descendants(child)


class Kill:
    """What `find()` finds is killed, until it finds nothing more; then `on_gone()` is called, or `on_survived(names)`
    with names like "4121 (gunicorn)" for what has not died in SURVIVES_SECONDS.
    """

    __slots__ = ("_find", "_loop", "_on_gone", "_on_survived", "_seen", "_waited_for")

    def __init__(
        self,
        find: Callable[[], Iterator[Stat]],
        loop: Loop,
        *,
        on_gone: Callable[[], object],
        on_survived: Callable[[tuple[str, ...]], object],
    ) -> None:
        self._find = find
        self._loop = loop
        self._on_gone = on_gone
        self._on_survived = on_survived
        self._seen: set[tuple[int, int]] = set()  # pid and start time
        self._waited_for: dict[int, Stat] = {}  # by pidfd

    def begin(self) -> None:
        """Kill what there is; may call `on_gone` at once."""
        self._loop.call_after(SURVIVES_SECONDS, self, self._give_up)
        self._look()

    def end(self) -> None:
        """Kill no more, and tell nobody."""
        self._loop.cancel(self)
        self._loop.cancel((self, "look"))
        for pidfd in self._waited_for:
            self._loop.forget(pidfd)
            os.close(pidfd)
        self._waited_for.clear()

    def _look(self) -> None:
        found = 0
        for _ in range(LOOKS_MAX):
            before = len(self._seen)
            found = sum(self._kill(stat) for stat in self._find())
            if len(self._seen) == before:
                break
        if not found and not self._waited_for:
            self.end()
            self._on_gone()
        elif not self._waited_for:
            self._loop.call_after(LOOK_AGAIN_SECONDS, (self, "look"), self._look)

    def _kill(self, stat: Stat) -> bool:
        """True, for the count; killed and waited for only once."""
        if (stat.pid, stat.start_ticks) in self._seen:
            return True
        self._seen.add((stat.pid, stat.start_ticks))
        if stat.pid == os.getpid():
            return True  # we were started by an instance
        try:
            self._kill_and_wait(stat)
        except OSError:  # no fd left to wait with: `_look` looks again until it is gone
            with_spare(partial(_kill_now, stat))
        return True

    def _kill_and_wait(self, stat: Stat) -> None:
        """Raises OSError where there is no room for one more pidfd."""
        pidfd = open_verified(stat)
        if pidfd is not None:
            self._waited_for[pidfd] = stat
            self._loop.watch(pidfd, lambda: self._died(pidfd))
            _send_kill(pidfd)

    def _died(self, pidfd: int) -> None:
        self._loop.forget(pidfd)
        del self._waited_for[pidfd]
        os.close(pidfd)
        if not self._waited_for:
            self._look()

    def _give_up(self) -> None:
        left = {f"{stat.pid} ({stat.program})" for stat in (*self._waited_for.values(), *self._find())}
        self.end()
        if left:
            self._on_survived(tuple(sorted(left)))
        else:
            self._on_gone()


def _kill_now(stat: Stat) -> None:
    """SIGKILL to exactly this process, without a pidfd that stays. Raises OSError without an fd even for that."""
    pidfd = open_verified(stat)
    if pidfd is not None:
        _send_kill(pidfd)
        os.close(pidfd)


def _send_kill(pidfd: int) -> None:
    try:
        kernel.send_signal(pidfd, signal.SIGKILL)
    except PermissionError:
        pass  # it became another user's; it is named when the time is over


def open_verified(stat: Stat) -> int | None:
    """A pidfd of exactly this process; None when it is gone, or its number is another's by now.

    Raises OSError where there is no fd left for it.
    """
    try:
        pidfd = os.pidfd_open(stat.pid)
    except ProcessLookupError:
        return None
    now = procfs.read_stat(stat.pid)
    if now is None or now.start_ticks != stat.start_ticks:
        os.close(pidfd)
        return None
    return pidfd
