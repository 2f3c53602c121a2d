"""Waits until something in some folders changes: inotify(7), through ctypes."""

from __future__ import annotations

import ctypes
import os
import select
from collections.abc import Iterable, Sequence
from errno import ENOENT

MODIFY, MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x2, 0x40, 0x80, 0x100, 0x200
ONLY_FOLDERS = 0x01000000
READ_BYTES = 64 << 10
# Where inotify is not to be had (fs.inotify.max_user_instances reached, a network file system's other side writes).
POLL_SECONDS = 0.25


class Changes:
    """`wait` returns when a file in one of the folders was made, changed, renamed or removed since the last wait."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._folders: set[str] = set()
        self._must_poll = self._fd < 0

    def watch(self, folders: Iterable[str]) -> None:
        """Look at these folders too; one that is not there is left out, and may be asked for again."""
        for folder in folders:
            if folder in self._folders or self._fd < 0:
                continue
            mask = MODIFY | MOVED_FROM | MOVED_TO | CREATE | DELETE | ONLY_FOLDERS
            if self._libc.inotify_add_watch(self._fd, os.fsencode(folder), mask) >= 0:
                self._folders.add(folder)
            elif ctypes.get_errno() != ENOENT:
                self._must_poll = True

    def wait(self, seconds: float | None = None, also: Sequence[int] = ()) -> None:
        """Sleep until there is a change, or one of the fds `also` can be read, at most so long. It may be less."""
        if self._must_poll:
            seconds = POLL_SECONDS if seconds is None else min(seconds, POLL_SECONDS)
        ready, _, _ = select.select([*([self._fd] if self._fd >= 0 else []), *also], [], [], seconds)
        if self._fd in ready:
            try:
                os.read(self._fd, READ_BYTES)
            except BlockingIOError:
                pass

    def close(self) -> None:
        """Give the fd back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
