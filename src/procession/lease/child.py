"""The program that runs under a lease: forked at once, let go when its turn comes, killed with all that it started."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from typing import NoReturn

from procession.lease.store import LEASE_TOKEN
from procession.supervisor.linux import kernel, procfs

EXIT_NOT_FOUND = 127
EXIT_NOT_EXECUTABLE = 126
TOKEN_BYTES_MAX = 32


class Child:
    """`has_begun`: it was told to exec. Until then it waits at a pipe; if we end before, it ends with us."""

    def __init__(self, argv: tuple[str, ...]) -> None:
        door, self._our_end = os.pipe()
        parent = os.getpid()
        self.has_begun = False
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._our_end)
            _wait_and_exec(argv, door, parent)
        os.close(door)

    def begin(self, token: int) -> None:
        """Its turn has come."""
        self.has_begun = True
        os.write(self._our_end, b"%d" % token)
        os.close(self._our_end)

    def send(self, number: int) -> None:
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass  # its end is on its way to us

    def reap(self) -> int | None:
        """Reap all that has ended, orphans of the program's too; how the program itself did, None: it has not."""
        ended = None
        while (found := _reap_one()) is not None:
            pid, status = found
            if pid == self.pid:
                ended = os.waitstatus_to_exitcode(status)
        return ended

    def kill(self) -> None:
        """SIGKILL to it and to all that it started; returns when nothing of it is left.

        We are the subreaper: whatever it started descends from us, and what cannot fork any more gets no more.
        """
        while members := list(_descendants(os.getpid())):
            for pid in members:
                try:
                    os.kill(pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    continue
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return


def _wait_and_exec(argv: tuple[str, ...], door: int, parent: int) -> NoReturn:
    """In the child."""
    try:
        kernel.die_with_parent(signal.SIGKILL)
        token = os.read(door, TOKEN_BYTES_MAX) if os.getppid() == parent else b""
        if token:
            os.close(door)
            _exec(argv, token.decode())
    finally:
        os._exit(EXIT_NOT_FOUND)


def _exec(argv: tuple[str, ...], token: str) -> None:
    os.environ[LEASE_TOKEN] = token
    if "LISTEN_PID" in os.environ:
        os.environ["LISTEN_PID"] = str(os.getpid())  # sd_listen_fds(3): the sockets are for the one who is named
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGURG):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        print(f"procession: cannot run {argv[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(EXIT_NOT_FOUND if isinstance(error, FileNotFoundError) else EXIT_NOT_EXECUTABLE)


def _reap_one() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def _descendants(pid: int) -> Iterator[int]:
    for child in procfs.children_of(pid):
        yield child
        yield from _descendants(child)
