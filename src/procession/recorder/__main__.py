"""Starts the recorder: `python -I -S .../procession/recorder/__main__.py --directory DIR [--echo] [--echo-times]
[--keep]`.

DIR is the stack directory. With --keep, fd 3 is kept open for the supervisor that we start when ours has died. --check
alone shows that we could start. Exit codes: 0 told to quit, 1 another recorder is there, 2 wrong usage, 4 refused by
the system.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":  # with -I nothing but the standard library is on the path
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from fcntl import LOCK_EX, LOCK_NB, flock

from procession.loop import Loop
from procession.recorder.echo import Echo, open_stdout
from procession.recorder.recorder import Recorder

USAGE = "usage: recorder --directory DIR [--echo] [--echo-times] [--keep]"
KEPT_FD = 3
MALLOC_THRESHOLD_BYTES = 4 << 20


def main(arguments: list[str]) -> int:
    """Record until told to quit; the exit code."""
    if arguments == ["--check"]:
        return 0  # all of us is imported by now
    flags = {"--echo", "--echo-times", "--keep"}
    rest = [argument for argument in arguments if argument not in flags]
    if len(rest) != 2 or rest[0] != "--directory":
        print(USAGE, file=sys.stderr)
        return 2
    os.umask(0o077)
    directory = os.path.abspath(rest[1])
    try:
        return _record(directory, set(arguments))
    except OSError as error:
        print(f"recorder: {error.filename or directory}: {error.strerror}", file=sys.stderr)
        return 4


def _record(directory: str, flags: set[str]) -> int:
    if "--keep" in flags:
        os.set_inheritable(KEPT_FD, False)  # not for our helpers
    for folder in ("", "fifo", "log"):
        os.makedirs(os.path.join(directory, folder), 0o700, exist_ok=True)
    lock = os.open(os.path.join(directory, "recorder.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        flock(lock, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        pid = os.read(lock, 20).decode("ascii", "replace").strip()
        print(f"recorder: another one (pid {pid}) records {directory}", file=sys.stderr)
        return 1
    _write_pid(lock)
    _keep_freed_memory()
    loop = Loop()
    echo_times = "--echo-times" in flags
    echo = Echo(loop, open_stdout(), echo_times) if echo_times or "--echo" in flags else None
    Recorder(directory, loop, echo, kept_fd=KEPT_FD if "--keep" in flags else -1).run()
    return 0


def _write_pid(lock: int) -> None:
    """For the supervisor that adopts us. In place: where a pid was already, that needs no room on a full disk."""
    try:
        os.ftruncate(lock, os.pwrite(lock, b"%d\n" % os.getpid(), 0))
    except OSError:
        pass  # then the next supervisor starts one in vain, now and then, until we end


def _keep_freed_memory() -> None:
    """Free one big block, so that malloc no longer gives each freed chunk back to the kernel.

    glibc raises its mmap and trim thresholds to the size of a freed mapping (mallopt(3), M_MMAP_THRESHOLD). Without
    this, every chunk faults all its pages in anew: a third of the CPU time under a flood.
    """
    block = bytes(MALLOC_THRESHOLD_BYTES)
    del block


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
