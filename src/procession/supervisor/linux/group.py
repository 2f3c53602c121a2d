"""One control group of version 2: who is in it, its limits, and its end."""

from __future__ import annotations

import os
from collections.abc import Iterator

from procession.stack.model import Limits
from procession.supervisor.linux import procfs
from procession.supervisor.linux.spare import with_spare

CPU_PERIOD_MICROSECONDS = 100_000  # the kernel's own default
DEPTH_MAX = 8  # of the groups that a program may make within its own


class Group:
    """`held` are the controllers whose limit is in place."""

    __slots__ = ("held", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.held: frozenset[str] = frozenset()

    def limit(self, controller: str, limits: Limits) -> None:
        """Hold it to what these say. Raises OSError."""
        for name, value in settings(controller, limits):
            try:
                write(f"{self.path}/{name}", value)
            except FileNotFoundError:
                if name != "memory.swap.max":  # which a kernel without swap does not have
                    raise
        self.held |= {controller}

    def see_limits(self) -> None:
        """Of a group that somebody else has made."""
        files = {"memory": "memory.max", "cpu": "cpu.max", "pids": "pids.max"}
        self.held = frozenset(
            name for name, file in files.items() if read(f"{self.path}/{file}").split()[:1] not in ([], ["max"])
        )

    def kill(self) -> None:
        """SIGKILL to everything in it, in one step that no fork can outrun (cgroup.kill, Linux 5.14).

        Older kernels, and ourselves in it: nothing happens; what `members` shows is killed one by one.
        """
        if os.getpid() not in self.pids():
            try:
                write(f"{self.path}/cgroup.kill", "1")
            except OSError:
                pass

    def pids(self) -> list[int]:
        """Of the processes in it and in the groups below it that are not dead."""
        return list(_pids(self.path, DEPTH_MAX))

    def members(self) -> Iterator[procfs.Stat]:
        for pid in self.pids():
            stat = procfs.read_stat(pid)
            if stat is not None and not stat.is_dead:
                yield stat

    def remove(self) -> bool:
        """Remove it with all groups below; False while something is in it."""
        return _remove(self.path, DEPTH_MAX)

    def memory_kills(self) -> tuple[int, int]:
        """How often it was at its limit, and how many of it the out-of-memory killer has killed (memory.events)."""
        return parse_memory_events(read(f"{self.path}/memory.events"))


def settings(controller: str, limits: Limits) -> list[tuple[str, str]]:
    """The files of a group and what to write there, for what `limits` ask of this controller.

    No memory.high: a tree that is slowed down for hours serves worse than one of which a worker is killed.
    """
    match controller:
        case "memory":
            return [("memory.max", str(limits.memory_bytes)), ("memory.swap.max", "0")]
        case "cpu":
            return [("cpu.max", f"{max(1000, round(limits.cpu * CPU_PERIOD_MICROSECONDS))} {CPU_PERIOD_MICROSECONDS}")]
        case _:
            return [("pids.max", str(limits.processes))]


def parse_memory_events(text: str) -> tuple[int, int]:
    """`oom` and `oom_kill` of memory.events; 0 for what is not there."""
    counts = dict(line.split() for line in text.splitlines() if len(line.split()) == 2)
    return int(counts.get("oom", 0)), int(counts.get("oom_kill", 0))


def read(path: str) -> str:
    """All of a small file; "" where it cannot be read."""
    return procfs.read_file(path).decode("utf-8", "replace")


def write(path: str, text: str) -> None:
    """In one write, as the kernel wants it. Raises OSError."""
    with_spare(lambda: _write(path, text))


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _pids(path: str, depth: int) -> Iterator[int]:
    yield from (int(pid) for pid in read(f"{path}/cgroup.procs").split() if pid != "0")  # 0: of another pid namespace
    if depth:
        for name in _below(path):
            yield from _pids(f"{path}/{name}", depth - 1)


def _remove(path: str, depth: int) -> bool:
    if depth:
        for name in _below(path):
            _remove(f"{path}/{name}", depth - 1)
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _below(path: str) -> list[str]:
    """Without a look at each file: a group with none below it has two links, as any directory (cgroup-v2.rst)."""
    try:
        if os.stat(path).st_nlink <= 2:
            return []
        return [entry.name for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
