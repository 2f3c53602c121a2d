"""What the kernel tells about processes in /proc (proc(5)). One may end at any moment: then the answer is empty."""

from __future__ import annotations

import os
from functools import partial
from stat import S_ISFIFO
from typing import NamedTuple

from procession.supervisor.linux.spare import with_spare

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
HAS_CHILDREN_FILES = os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # CONFIG_PROC_CHILDREN
MARK_DIGITS_MAX = 18  # of its numbers: anybody may put anything into an environment, and int() refuses thousands
MARKS = (b"PROCESSION_DIRECTORY", b"PROCESSION_INSTANCE", b"PROCESSION_LIFE", b"PROCESSION_PID")


class Stat(NamedTuple):
    """A line of /proc/PID/stat. `start_ticks` (field 22, clock ticks since boot) tells two users of one pid apart."""

    pid: int
    program: str  # its name, cut at 15 characters
    state: str  # "Z" is a zombie: dead, and not yet reaped
    parent: int
    group: int
    session: int
    start_ticks: int

    @property
    def is_dead(self) -> bool:
        return self.state in ("Z", "X")


class Mark(NamedTuple):
    """What an instance's environment says of it, and with it that of all that it starts."""

    directory: str
    instance: str
    life: int
    main: int  # the pid of the main process


def read_stat(pid: int) -> Stat | None:
    """The process, or None when there is none."""
    data = read_file(f"/proc/{pid}/stat")
    if not data:
        return None
    end = data.rindex(b")")  # the program's name may hold spaces and parentheses itself
    fields = data[end + 2 :].split()
    name = data[data.index(b"(") + 1 : end].decode("utf-8", "replace")
    return Stat(pid, name, fields[0].decode(), int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))


def read_mark(pid: int) -> Mark | None:
    """The mark in its environment, as it was at its last exec; None: not there, overwritten, or not ours to read."""
    found: dict[bytes, str] = {}
    for item in read_file(f"/proc/{pid}/environ").split(b"\0"):
        name, _, value = item.partition(b"=")
        if name in MARKS:
            found[name] = os.fsdecode(value)
    directory, instance, life, main = (found.get(name, "") for name in MARKS)
    if not all(number.isdecimal() and len(number) <= MARK_DIGITS_MAX for number in (life, main)):
        return None
    return Mark(directory, instance, int(life), int(main))


def read_owner(pid: int) -> int:
    """The user id that it runs as. Raises OSError for one that is gone."""
    return os.stat(f"/proc/{pid}").st_uid


def read_argv(pid: int) -> list[str]:
    """What it was started with; [] for a kernel thread, a dead one, and none."""
    return os.fsdecode(read_file(f"/proc/{pid}/cmdline")).split("\0")[:-1]


def read_memory(pid: int) -> int:
    """The bytes of memory that it uses: its proportional set size, so that what it shares counts once in a sum.

    /proc/PID/smaps_rollup (Linux 4.14) is not ours to read for everybody; then its resident set size has to do.
    """
    for line in read_file(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    fields = read_file(f"/proc/{pid}/statm").split()
    return int(fields[1]) * PAGE_BYTES if fields else 0


def memory_kills() -> int:
    """How many processes the kernel's out-of-memory killer has killed since boot (/proc/vmstat, Linux 4.13)."""
    for line in read_file("/proc/vmstat").splitlines():
        if line.startswith(b"oom_kill "):
            return int(line.split()[1])
    return 0


def is_in_our_namespace(pid: int) -> bool:
    """Whether it is in our pid namespace, not in a container's below it, where paths and pids mean other things.

    Raises OSError for one that is gone, or not ours to look at.
    """
    return os.readlink(f"/proc/{pid}/ns/pid") == os.readlink("/proc/self/ns/pid")


def writes_into_nothing(pid: int) -> bool:
    """Whether its standard output or error is a FIFO that was deleted: nobody can open that to read it any more."""
    for fd in (1, 2):
        try:
            found = os.stat(f"/proc/{pid}/fd/{fd}")
        except OSError:
            continue
        if S_ISFIFO(found.st_mode) and not found.st_nlink:
            return True
    return False


def all_pids() -> list[int]:
    """Every process of this pid namespace that /proc shows us."""
    return [int(name) for name in with_spare(partial(os.listdir, "/proc")) if name.isdecimal()]


def own_children() -> list[int]:
    """Our children, dead ones included, in one read (/proc/PID/task/TID/children, Linux 3.5). We have one thread.

    A kernel without that file: all of /proc is searched.
    """
    us = os.getpid()
    if not HAS_CHILDREN_FILES:
        return _children_by_parent(us)
    return [int(pid) for pid in read_file(f"/proc/self/task/{us}/children").split()]


def children_of(pid: int) -> list[int]:
    """The children of all its threads."""
    try:
        threads = with_spare(partial(os.listdir, f"/proc/{pid}/task"))
    except OSError:
        return []
    if not HAS_CHILDREN_FILES:
        return _children_by_parent(pid)
    return [int(child) for thread in threads for child in read_file(f"/proc/{pid}/task/{thread}/children").split()]


def boot_id() -> str:
    """This boot's random id: pids and start times of another boot mean nothing (random(4))."""
    return read_file("/proc/sys/kernel/random/boot_id").decode().strip()


def _children_by_parent(parent: int) -> list[int]:
    return [pid for pid in all_pids() if (stat := read_stat(pid)) is not None and stat.parent == parent]


def read_file(path: str) -> bytes:
    """All of a small file; b"" where it cannot be read."""
    try:
        return with_spare(partial(_read_whole, path))
    except OSError:
        return b""


def _read_whole(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.readall()
