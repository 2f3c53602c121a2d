"""The directory in which prometheus_client adds up the numbers of a site's processes (PROMETHEUS_MULTIPROC_DIR).

It wants that directory to be empty before the first process, and to be told of each that has died, since the live
gauges of a dead one count until then (https://prometheus.github.io/client_python/multiprocess/). Both are ours to know:

- it is emptied where a supervisor begins and no instance lives, and removed when all is down; never in between
- the files of the dead are taken out when the tree of an instance is gone, and by each new worker: the one that died
  under a living main process is replaced by it (procession.django.multiprocess)

There is one directory for each user that instances run as, in a folder of ours: processes of one user share their
numbers, so that the web server's page has those of the workers, too. As root that folder is in /run, as heartbeats are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from procession.supervisor.linux.heartbeats import SYSTEM_FOLDER
from procession.supervisor.linux.rundir import remove

FOLDER = "prometheus"
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
OURS = "PROCESSION_PROMETHEUS"  # says that it is ours, so that the Django app may take out the dead
LIVE = "gauge_live"  # gauge_liveall_4711.db, gauge_livesum_..., ...: those that mark_process_dead removes
ENDING = ".db"


def folder_of(stack_directory: str) -> str:
    """Where the directories of this stack are. Raises OSError. The same for every supervisor of it."""
    if os.geteuid() != 0:
        return os.path.join(stack_directory, FOLDER)
    place = os.stat(stack_directory)
    return os.path.join(SYSTEM_FOLDER, f"{place.st_dev:x}.{place.st_ino:x}.{FOLDER}")


def make(stack_directory: str, uid: int, gid: int) -> str:
    """The directory for that user, made if it is not there. Raises OSError."""
    folder = folder_of(stack_directory)
    for path in (os.path.dirname(folder), folder):
        try:
            os.mkdir(path, 0o711)  # who knows the name of his own gets to it; nobody can list
        except FileExistsError:
            continue
        os.chmod(path, 0o711)  # whatever our umask says
    directory = os.path.join(folder, str(uid))
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        return directory
    os.chown(directory, uid, gid)
    return directory


def begin(stack_directory: str, *, is_anybody_there: bool) -> None:
    """A supervisor begins."""
    for directory in _directories(stack_directory):
        if is_anybody_there:
            bury(directory)
        else:
            _empty(directory)


def bury_all(stack_directory: str) -> None:
    """Somebody has died."""
    for directory in _directories(stack_directory):
        bury(directory)


def bury(directory: str) -> None:
    """Take out what counts only while its process lives, and whose process is gone. Never raises."""
    for name in _names(directory):
        pid = name.removesuffix(ENDING).rpartition("_")[2]
        if name.startswith(LIVE) and pid.isdecimal() and not os.path.exists(f"/proc/{pid}"):
            _forget(os.path.join(directory, name))


def clean_up(stack_directory: str) -> None:
    """Everything is down."""
    for directory in [*_directories(stack_directory)]:
        _empty(directory)
        _remove_directory(directory)
    try:
        _remove_directory(folder_of(stack_directory))
    except OSError:
        pass  # nor is there a stack directory


def _directories(stack_directory: str) -> Iterator[str]:
    try:
        folder = folder_of(stack_directory)
    except OSError:
        return
    yield from (os.path.join(folder, name) for name in _names(folder))


def _empty(directory: str) -> None:
    for name in _names(directory):
        if name.endswith(ENDING):
            _forget(os.path.join(directory, name))


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _forget(path: str) -> None:
    try:
        remove(path)
    except OSError:
        pass  # numbers are not worth a stop


def _remove_directory(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError:
        pass  # somebody keeps something of his own in it
