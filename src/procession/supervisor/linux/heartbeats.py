"""Heartbeats: a file for each life that is watched by its heartbeat, which the Django app in it touches.

The file's path is in PROCESSION_HEARTBEAT. It is there from the start, with its time at 0, which says that nobody has
touched it yet: a program that never does is not judged. To beat is `os.utime(path)`; the file belongs to the instance's
user, the folder to us. As root that folder is in /run, because an instance of another user could not reach into ours.
"""

from __future__ import annotations

import os
from time import monotonic

from procession.stack.model import Probe, ProbeType, Process
from procession.supervisor.linux.rundir import remove

FOLDER = "heartbeat"
SYSTEM_FOLDER = "/run/procession"  # of root: on no disk, and gone after a boot
EVERY_SECONDS = 5.0
LONGEST_SECONDS = 60.0  # between two beats, where the probe does not say


def has_heartbeat(process: Process) -> bool:
    """Whether its lives are told where to beat."""
    return process.liveness is not None and process.liveness.type is ProbeType.HEARTBEAT


def prepare(stack_directory: str) -> str:
    """Make the folder of this stack's heartbeats: its path. Raises OSError. The same for every supervisor of it."""
    if os.geteuid() != 0:
        folder = os.path.join(stack_directory, FOLDER)
        os.makedirs(folder, 0o700, exist_ok=True)
        return folder
    place = os.stat(stack_directory)
    folder = os.path.join(SYSTEM_FOLDER, f"{place.st_dev:x}.{place.st_ino:x}")
    for path in (SYSTEM_FOLDER, folder):
        try:
            os.mkdir(path)
        except FileExistsError:
            pass
        os.chmod(path, 0o711)  # who knows the name of its file gets to it; nobody can list
    return folder


def every_seconds(probe: Probe) -> float:
    """How often to beat, so that one beat, or two, may come late."""
    return min(EVERY_SECONDS, (probe.max_age_seconds or LONGEST_SECONDS) / 4)


def path_of(folder: str, name: str, life: int) -> str:
    return os.path.join(folder, f"{name}.{life}")


def make(path: str, uid: int, gid: int) -> None:
    """The file, not touched yet. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        os.utime(fd, (0, 0))
        if (uid, gid) != (os.geteuid(), os.getegid()):
            os.fchown(fd, uid, gid)
    finally:
        os.close(fd)


def forget(path: str) -> None:
    """The life is over."""
    try:
        remove(path)
    except OSError:
        pass  # it is in nobody's way


def clean_up(folder: str) -> None:
    """Everything is down."""
    try:
        for name in os.listdir(folder):
            forget(os.path.join(folder, name))
        os.rmdir(folder)
    except OSError:
        pass


class Pulse:
    """Looks at one heartbeat again and again. Only its changes count, by our own monotonic clock: who sets the
    machine's clock ends nobody, and neither does a pause in which nobody looked.
    """

    __slots__ = ("_last", "_longest_seconds", "_path", "_since")

    def __init__(self, path: str, probe: Probe) -> None:
        self._path = path
        self._longest_seconds = probe.max_age_seconds or LONGEST_SECONDS
        self._last = 0  # the file's time in nanoseconds when we looked last; 0: never touched
        self._since = monotonic()

    def look(self) -> tuple[bool, str]:
        """Whether it beats, and what was seen. Does not block: the folder is where our own state is, or in /run."""
        try:
            touched = os.lstat(self._path).st_mtime_ns
        except OSError as error:
            return True, f"heartbeat: {(error.strerror or '').lower()}"  # nothing to judge by
        now = monotonic()
        if touched != self._last:
            self._last, self._since = touched, now
        age_seconds = now - self._since
        if touched and age_seconds > self._longest_seconds:
            return False, f"no heartbeat for {age_seconds:.0f} s"
        return True, "heartbeat" if touched else "no heartbeat yet"
