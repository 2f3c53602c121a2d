"""What the supervisor tells us: newline-delimited JSON on `recorder.fifo`, one object a line.

A line may be cut short, when its writer was killed; what its successor writes then comes right behind the stump, and
is found there all the same.
"""

from __future__ import annotations

import os

from procession.recorder.lean import parse_json
from procession.recorder.revive import Program
from procession.recorder.rotation import Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.recorder.lean import Json

READ_BYTES = 64 << 10
LINE_BYTES_MAX = 1 << 20
NO_LIMIT_BYTES = 1 << 62
UMASK_DEFAULT = 0o022
NAMES = frozenset(("open", "close", "break", "event", "note", "watch", "unwatch", "count", "quit"))


class CommandReader:
    """Cuts what comes through the FIFO into lines."""

    __slots__ = ("_is_skipping", "_rest", "fd")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._rest = b""
        self._is_skipping = False

    def lines(self) -> list[bytes]:
        """The whole lines that are there now, empty ones left out, without their ends."""
        try:
            data = os.read(self.fd, READ_BYTES)
        except BlockingIOError:
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines and self._is_skipping:
            self._is_skipping = False
            del lines[0]
        if len(self._rest) > LINE_BYTES_MAX:
            self._rest = b""
            self._is_skipping = True
        return [line for line in lines if line]


def parse_command(line: bytes) -> tuple[dict[str, Json], bytes]:
    """The command in this line, and the part of the line that it is. Raises ValueError when there is none."""
    start = 0
    while start >= 0:
        try:
            command = parse_json(line[start:].decode())
        except ValueError:
            command = None
        if isinstance(command, dict) and not NAMES.isdisjoint(command):
            return command, line[start:]
        start = line.find(b'{"', start + 1)
    raise ValueError(f"not a command: {line[:200].decode('utf-8', 'backslashreplace')}")


def instance_name(value: Json) -> str:
    """A name that can be a file's. Raises ValueError."""
    if not isinstance(value, str) or not value or "/" in value or "\0" in value or value in (".", ".."):
        raise ValueError(f"not the name of an instance: {value!r}")
    return value


def policy_of(command: dict[str, Json]) -> Policy:
    """The policy in an `open` command; what it does not say is as in Policy. Raises ValueError.

    A size or an age of 0 or null sets no limit.
    """
    policy = Policy()
    policy.max_bytes = int(_number(command, "max_bytes", policy.max_bytes) or NO_LIMIT_BYTES)
    policy.keep = int(_number(command, "keep", policy.keep) or 0)
    policy.max_age_seconds = _number(command, "max_age_seconds", policy.max_age_seconds) or None
    policy.compress = bool(command.get("compress", policy.compress))
    return policy


def program_of(command: Json) -> tuple[int, Program]:
    """Pid and program of a `watch` command. Raises ValueError."""
    said = command if isinstance(command, dict) else {}
    pid, argv, environment = said.get("pid"), said.get("argv"), said.get("environment")
    if not isinstance(pid, int) or not isinstance(argv, list) or not argv or not isinstance(environment, dict):
        raise ValueError("to watch, pid, argv and environment are needed")
    variables = {name: str(value) for name, value in environment.items()}
    umask = int(_number(said, "umask", UMASK_DEFAULT) or 0)
    return pid, Program([str(argument) for argument in argv], variables, str(said.get("directory") or "/"), umask)


def _number(command: dict[str, Json], key: str, default: float | None) -> float | None:
    value = command.get(key, default)
    if value is None or (isinstance(value, int | float) and value >= 0):
        return value
    raise ValueError(f"{key}: not a number of at least 0: {value!r}")
