"""The lock of a singleton on this host: held by the instance itself, whoever supervises it, for as long as it lives.

It is a flock(2) on a file that the instance inherits open over its exec, so that its whole tree must be gone, or have
closed it, before the next one gets it; the kernel drops it with the last of them, however that ended. Nobody polls:
who waits, sleeps in flock(2).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from errno import EEXIST
from fcntl import F_DUPFD, LOCK_EX, LOCK_NB, fcntl, flock

VARIABLE = "PROCESSION_LOCKS"  # another directory for the locks, such as one that several containers share
MODE = 0o700
LOWEST_FD = 64  # scripts use small numbers for themselves (`exec 3<file`), and would close it
HOLDER_BYTES_MAX = 4096


def acquire(key: str, holder: str, on_wait: Callable[[str, int], object]) -> int:
    """Take the lock `key`; its fd, which an exec leaves open. `holder` is what others are told meanwhile.

    Where another has it, `on_wait(who, fd)` is called once, and then this sleeps until it is free. Raises OSError.
    """
    path = os.path.join(find_directory(), f"{key}.lock")
    has_waited = False
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if not _try(fd):
            if not has_waited:
                on_wait(read_holder(fd), fd)
            has_waited = True
            flock(fd, LOCK_EX)
        if _is_still(fd, path):
            os.ftruncate(fd, os.pwrite(fd, holder.encode("utf-8", "replace")[:HOLDER_BYTES_MAX], 0))
            return _raise_number(fd)
        os.close(fd)  # the file was deleted while we waited: the lock is on the one that has its name now


def is_inherited(key: str) -> bool:
    """Whether who started us has taken the lock `key` and passed it on, so that to wait for it would never end.

    Raises OSError.
    """
    path = os.path.join(find_directory(), f"{key}.lock")
    return any(_is_still(fd, path) and _try(fd) for fd in map(int, os.listdir("/proc/self/fd")) if _is_open(fd))


def read_holder(fd: int) -> str:
    """Who has it, as it said itself; `somebody` until it has."""
    return os.pread(fd, HOLDER_BYTES_MAX, 0).decode("utf-8", "replace").strip() or "somebody"


def find_directory() -> str:
    """The directory of the locks of our user, made if it is not there: the same one whatever the environment.

    ($XDG_RUNTIME_DIR is not: a login has one, a service of the same user has none.) Raises OSError.
    """
    trouble = OSError(EEXIST, "is not ours alone")
    for path in _candidates():
        try:
            os.makedirs(path, MODE, exist_ok=True)
            if _is_ours(path):
                return path
        except OSError as error:
            trouble = error
    raise OSError(trouble.errno, f"no directory for the lock: {path}: {trouble.strerror}")


def _candidates() -> Iterator[str]:
    user = os.geteuid()
    if chosen := os.environ.get(VARIABLE):
        yield chosen
        return
    if user == 0:
        yield "/run/procession"
    yield f"/run/lock/procession-{user}"
    yield f"/tmp/procession-{user}"


def _is_ours(path: str) -> bool:
    """In a directory that all may write to, another user may have been first to make it, or a link."""
    found = os.lstat(path)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _try(fd: int) -> bool:
    try:
        flock(fd, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_open(fd: int) -> bool:
    """The one that listed /proc/self/fd is not any more."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _is_still(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


def _raise_number(fd: int) -> int:
    """The same at a number that nobody uses by chance, inheritable; where so many are not allowed, where it is."""
    try:
        high = fcntl(fd, F_DUPFD, LOWEST_FD)
    except OSError:
        os.set_inheritable(fd, True)
        return fd
    os.close(fd)
    return high
