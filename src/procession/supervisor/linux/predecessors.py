"""A supervisor whose directory was deleted under it, as `git clean -dfx` does: it runs on where nobody can reach it.

Our lock is another file than its own, so it does not keep us out; and two would start each what the other stops. It is
ended as if it had been killed, which it is made for, and what it ran is adopted.
"""

from __future__ import annotations

import os
import select
import signal

from procession.supervisor.linux import procfs

PROGRAMS = ("supervisor", "recorder", "terminal")
"""In this order: a supervisor that the recorder starts again meets our lock; the next holder finds the new FIFO."""
DEATH_SECONDS_MAX = 5.0  # of one that has been sent SIGKILL; a disk that hangs may keep it longer


def end_predecessors(directory: str) -> list[int]:
    """Kill every other supervisor and recorder of this directory, and its terminals' holders; their pids.

    They are dead afterwards.
    """
    ended = []
    for program in PROGRAMS:
        others = [pid for pid in procfs.all_pids() if pid != os.getpid()]
        ended += [pid for pid in others if _is_one(pid, program, directory) and _kill(pid)]
    return ended


def _is_one(pid: int, program: str, directory: str) -> bool:
    """Whether it was started as we start it, by us, in this pid namespace: a container may have a path of that name."""
    words = procfs.read_argv(pid)
    is_ours = len(words) > 5 and words[3].endswith(f"/procession/{program}/__main__.py")
    if not is_ours or words[4:6] != ["--directory", directory]:
        return False
    try:
        return os.stat(f"/proc/{pid}").st_uid == os.geteuid() and procfs.is_in_our_namespace(pid)
    except OSError:
        return False


def _kill(pid: int) -> bool:
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        select.select([pidfd], [], [], DEATH_SECONDS_MAX)
    except OSError:
        return False
    finally:
        os.close(pidfd)
    return True
