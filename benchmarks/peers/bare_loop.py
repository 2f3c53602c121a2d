"""Start so many of one program, start again what ends, until SIGTERM; argv[1] is the file that bare.py wrote."""

import os
import signal
import sys

AWAITED = {signal.SIGCHLD, signal.SIGTERM}


def run(instances: int, argv: list[str]) -> None:
    """Both signals stay blocked but while it waits for them, so that none arrives between a spawn and its record."""
    signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    pids: set[int] = set()
    number: int = signal.SIGCHLD
    while number != signal.SIGTERM:
        while len(pids) < instances:
            pids.add(os.posix_spawn(argv[0], argv, os.environ, setsigmask=()))
        number = signal.sigwait(AWAITED)
        pids -= reap()
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    for pid in pids:
        os.waitpid(pid, 0)


def reap() -> set[int]:
    """The children that have ended: one SIGCHLD may stand for many."""
    pids: set[int] = set()
    try:
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            pids.add(pid)
    except ChildProcessError:
        pass
    return pids


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        instances, *argv = file.read().split("\n")
    run(int(instances), argv)
