"""A FIFO that breaks for nobody: what is in it outlives its writer and its reader."""

from __future__ import annotations

import os
from errno import EEXIST
from stat import S_ISFIFO


def open_fifo(path: str) -> int:
    """The FIFO, made (0600) when there is none, open both ways: so it never breaks, nor ends (fifo(7)).

    Raises OSError; FileExistsError when something else is there.
    """
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        pass
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
    if not S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise FileExistsError(EEXIST, "not a FIFO", path)
    return fd
