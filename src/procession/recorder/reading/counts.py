"""Asking the recorder what it has counted: see `recorder.counts`."""

from __future__ import annotations

import json
import os
import secrets
import select
from collections.abc import Mapping
from fcntl import F_SETPIPE_SZ, fcntl
from time import monotonic
from typing import NamedTuple

ANSWER_SECONDS_MAX = 1.0
ANSWER_BYTES_MAX = 1 << 20  # of ten thousand instances
OWN_LOG = "procession"  # that of the supervisor and the recorder


class Count(NamedTuple):
    """Of one instance, since the recorder began to read it."""

    written_bytes: int
    dropped_lines: int


def read_counts(directory: str) -> Mapping[str, Count]:
    """By the instance's name; {} where no recorder answers in time, or none of this stack directory is ours to ask."""
    name = f"count.{secrets.token_hex(8)}"
    path = os.path.join(directory, "fifo", name)
    try:
        os.mkfifo(path, 0o600)
    except OSError:
        return {}
    try:
        answer = json.loads(_ask(directory, name, path))
        return {instance: Count(*numbers) for instance, numbers in answer.items() if instance != OWN_LOG}
    except (OSError, ValueError):
        return {}
    finally:
        os.unlink(path)


def _ask(directory: str, name: str, path: str) -> bytes:
    """Raises OSError: ENXIO where no recorder is."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl(fd, F_SETPIPE_SZ, ANSWER_BYTES_MAX)
        asking = os.open(os.path.join(directory, "recorder.fifo"), os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(asking, json.dumps({"count": name}).encode() + b"\n")
        finally:
            os.close(asking)
        return _read(fd)
    finally:
        os.close(fd)


def _read(fd: int) -> bytes:
    """Until its writer is done, or it takes too long. A FIFO that nobody has written to yet is not at its end."""
    deadline, data = monotonic() + ANSWER_SECONDS_MAX, b""
    while (left := deadline - monotonic()) > 0 and select.select([fd], [], [], left)[0]:
        more = os.read(fd, ANSWER_BYTES_MAX)
        if not more:
            break
        data += more
    return data
