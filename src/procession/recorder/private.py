"""Opening files in folders that others may write to: no symbolic link of theirs leads us elsewhere.

Whoever may write to the folder of a log, as the site's user may, could put a link there, and root would append to what
it names. So a link is followed only if it is root's or our own: on the way, and at its end.
"""

from __future__ import annotations

import os
from errno import ELOOP, ENOENT
from stat import S_ISLNK

STEPS_MAX = 400  # folders, and links of which the kernel follows 40 (path_resolution(7))
TRUSTED = (0, os.geteuid())


def open_private(path: str, flags: int) -> int:
    """open(2); what is made is ours alone. Raises OSError: ELOOP for a link of somebody else's.

    Step by step with an fd for each folder, so that nobody can exchange one between the look and the step.
    """
    folder, name = _follow(path)
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    finally:
        os.close(folder)


def _follow(path: str) -> tuple[int, str]:
    """The folder that the path leads to, as an fd, and the name in it, which is no link. Raises OSError."""
    at, left = _begin(path), _parts(path)
    try:
        for _ in range(STEPS_MAX):
            found = _find(at, left[-1], path)
            target = _target(found, path)
            if len(left) == 1 and not target:
                _close(found)
                return at, left[0]
            if target:
                _close(found)
                found = _begin(target, at)
                left[-1:] = _parts(target)
            elif found < 0:
                raise OSError(ENOENT, os.strerror(ENOENT), path)
            else:
                left.pop()
            at, before = found, at
            os.close(before)
        raise OSError(ELOOP, os.strerror(ELOOP), path)
    except OSError:
        os.close(at)
        raise


def _begin(path: str, at: int = -1) -> int:
    """Where a path begins: the root, or the folder `at`; as an fd of its own."""
    if path.startswith("/"):
        return os.open("/", os.O_PATH | os.O_DIRECTORY)
    return os.dup(at) if at >= 0 else os.open(".", os.O_PATH | os.O_DIRECTORY)


def _parts(path: str) -> list[str]:
    """The last one first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")] or ["."]


def _find(folder: int, name: str, path: str) -> int:
    """What has this name there, a link itself; -1: nothing. Raises OSError."""
    try:
        return os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return -1
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def _target(found: int, path: str) -> str:
    """Where it leads if it is a link. Raises OSError, and closes it, if it is somebody else's."""
    if found < 0:
        return ""
    stat = os.fstat(found)
    if not S_ISLNK(stat.st_mode):
        return ""
    if stat.st_uid not in TRUSTED:
        os.close(found)
        raise OSError(ELOOP, f"a symbolic link of uid {stat.st_uid}'s is in the way", path)
    return os.readlink("", dir_fd=found)


def _close(fd: int) -> None:
    if fd >= 0:
        os.close(fd)
