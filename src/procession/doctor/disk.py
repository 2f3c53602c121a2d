"""Whether the disks that the site writes to have room, and may be written to at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from errno import EDQUOT, ENOSPC, EROFS

from procession.doctor.case import Case
from procession.doctor.finding import Finding, Weight
from procession.units import show_bytes

SCARCE_SHARE = 0.05
SCARCE_BYTES = 512 << 20
TRIED_BYTES = 4096
TROUBLES = {
    ENOSPC: "disk full: nothing more fits on {mount} ({room})",
    EDQUOT: "disk quota used up: this user may store nothing more on {mount} ({room})",
    EROFS: "the disk at {mount} is mounted read-only",
}


def examine_disk(case: Case) -> Iterator[Finding]:
    """Each file system once; the stack directory's first, because without it nothing can be started."""
    seen: set[int] = set()
    for path in _paths(case):
        device = os.stat(path).st_dev
        if device not in seen:
            seen.add(device)
            yield from _file_system(path)


def _paths(case: Case) -> Iterator[str]:
    """Folders that are there: what is not is another examination's affair."""
    wanted = [case.stack_directory, case.directory]
    for process in case.processes():
        wanted += [process.directory, os.path.dirname(os.path.join(process.directory, process.log.file))]
    wanted += [os.path.dirname(database["file"]) for database in case.report.get("databases", ()) if database["file"]]
    for path in wanted:
        while not os.path.isdir(path):
            path = os.path.dirname(path) or "/"
        yield path


def _file_system(path: str) -> Iterator[Finding]:
    found = os.statvfs(path)
    total, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
    room = f"{show_bytes(free)} of {show_bytes(total)} free, {found.f_favail} of {found.f_files} inodes"
    mount = mount_of(path)
    number = _try_to_write(path)
    if number is None and found.f_blocks and not free:
        number = ENOSPC  # what is left is root's: others cannot write
    if number in TROUBLES:
        what = TROUBLES[number].format(mount=mount, room=room)
        fix = f"make room; to see what takes it: du -xh --max-depth=2 {mount} | sort -h | tail"
        if number == EROFS:
            fix = f"look why: dmesg; then mount -o remount,rw {mount}"
        yield Finding(weight=Weight.CAUSE, about="disk", what=what, fix=fix, seen=(f"{path} is on it",))
    elif total and free < min(SCARCE_BYTES, total * SCARCE_SHARE):
        what = f"{mount} is nearly full: {room}"
        yield Finding(weight=Weight.RISK, about=f"disk {mount}", what=what, fix="make room before it is")


def _try_to_write(path: str) -> int | None:
    """The error of a file that has no name and is gone at once (open(2), O_TMPFILE); None: it went well, or it may not
    be tried by us here.
    """
    try:
        fd = os.open(path, os.O_TMPFILE | os.O_WRONLY, 0o600)
    except OSError as error:
        return error.errno if error.errno in TROUBLES else None
    try:
        os.write(fd, bytes(TRIED_BYTES))
    except OSError as error:
        return error.errno
    finally:
        os.close(fd)
    return None


def mount_of(path: str) -> str:
    """The folder at which its file system is mounted."""
    path = os.path.realpath(path)
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path
