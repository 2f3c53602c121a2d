"""What Linux says about processes: who descends from us, what they weigh, how often they wake; and their end.

The benchmark is a child subreaper (prctl(2)), so that a tool that puts itself in the background stays our descendant:
its processes are found without asking it, and none can be left behind.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Usage:
    """What processes have used since they began: seconds of CPU, and wake-ups (voluntary context switches)."""

    cpu_seconds: float
    wakeups: int

    def since(self, earlier: Usage) -> Usage:
        return Usage(self.cpu_seconds - earlier.cpu_seconds, self.wakeups - earlier.wakeups)


def become_subreaper() -> None:
    """Raises OSError where the kernel refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def read_descendants() -> set[int]:
    """The pids of all that descend from this process and still run (a zombie does not)."""
    parents = {pid: stat for pid in _list_pids() if (stat := _read_stat(pid)) is not None}
    found: set[int] = set()
    edge = {os.getpid()}
    while edge:
        edge = {pid for pid, (_, parent) in parents.items() if parent in edge}
        found |= edge
    return {pid for pid in found if parents[pid][0] not in "ZX"}


def _list_pids() -> list[int]:
    return [int(name) for name in os.listdir(PROC) if name.isdigit()]


def _read_stat(pid: int) -> tuple[str, int] | None:
    """State letter and parent, proc(5); the name before them may hold any byte, so look behind its last bracket."""
    try:
        fields = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0].decode(), int(fields[1])


def measure_memory_bytes(pids: Iterable[int]) -> int:
    """Their proportional set sizes together: a page that n processes share counts as one n-th in each."""
    return sum(_read_kibibytes(PROC / str(pid) / "smaps_rollup", "Pss:") for pid in pids) * 1024


def _read_kibibytes(path: Path, key: str) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(key))


def measure_usage(pids: Iterable[int]) -> Usage:
    """Over all their threads: /proc/PID/status and schedstat speak of the main one alone."""
    tasks = [task for pid in pids for task in (PROC / str(pid) / "task").iterdir()]
    nanoseconds = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
    return Usage(nanoseconds / 1e9, sum(_read_kibibytes(task / "status", "voluntary_ctxt_switches:") for task in tasks))


class Ends:
    """Watches for the end of processes by pidfd, which tells it of any process, not only of our own children."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._fds = {fd for pid in pids if (fd := _open_pidfd(pid)) is not None}

    def wait(self, *, within_seconds: float) -> None:
        """Until all have ended. Raises TimeoutError with the number of those that have not."""
        deadline = time.monotonic() + within_seconds
        poll = select.poll()
        for fd in self._fds:
            poll.register(fd, select.POLLIN)
        while self._fds:
            ended = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
            if not ended:
                raise TimeoutError(f"{len(self._fds)} processes still there after {within_seconds:g} s")
            self._drop(poll, [fd for fd, _ in ended])

    def _drop(self, poll: select.poll, fds: Iterable[int]) -> None:
        for fd in fds:
            poll.unregister(fd)
            self._fds.remove(fd)
            os.close(fd)

    def close(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()


def _open_pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def kill_descendants(*, within_seconds: float) -> int:
    """SIGKILL to all that descends from us, until nothing does; the number of processes that it took.

    All are stopped first: one that watches another must not start it again while we go through the list.
    Raises TimeoutError when they outlive that.
    """
    deadline = time.monotonic() + within_seconds
    killed: set[int] = set()
    while pids := read_descendants():
        for number in (signal.SIGSTOP, signal.SIGKILL):
            _signal_all(pids, number)
        killed |= pids
        reap_orphans()
        if time.monotonic() > deadline:
            raise TimeoutError(f"SIGKILL did not end {sorted(pids)} within {within_seconds:g} s")
    reap_orphans()
    return len(killed)


def _signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue  # It ended by itself in between.


def reap_orphans() -> None:
    """Collect the statuses of our children that have ended, those that came to us as a subreaper too."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return
