"""Small programs to supervise. They say words on a FIFO: a test waits for what happened, never for time to pass."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

DEADLINE_SECONDS = 20.0  # only ever fails a test

PRELUDE = """
import os, signal, sys, time
TERM, CHLD, KILL = signal.SIGTERM, signal.SIGCHLD, signal.SIGKILL
def say(word):
    fd = os.open({fifo!r}, os.O_WRONLY)
    os.write(fd, f"{{word}} {{os.environ.get('PROCESSION_INSTANCE', '-')}} {{os.getpid()}}\\n".encode())
    os.close(fd)
def stay():
    while True:
        signal.pause()
def fork(child):
    pid = os.fork()
    if pid == 0:
        child()
        os._exit(0)
    return pid
"""


class Said(NamedTuple):
    word: str
    instance: str
    pid: int


class Stage:
    """Makes programs, and hears what they say."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._fifo = directory / "said"
        os.mkfifo(self._fifo)
        self._fd = os.open(self._fifo, os.O_RDWR | os.O_NONBLOCK)
        self._rest = b""
        self._heard: list[Said] = []

    def close(self) -> None:
        os.close(self._fd)

    def program(self, body: str) -> tuple[str, ...]:
        """The argv of a Python program with say(), stay() and fork() (see PRELUDE)."""
        return (sys.executable, "-I", "-S", "-c", PRELUDE.format(fifo=str(self._fifo)) + body)

    def hear(self, word: str, instance: str = "") -> Said:
        """Wait until it is said (by this instance, if one is given). What is heard is heard once."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            for said in self._heard:
                if said.word == word and instance in ("", said.instance):
                    self._heard.remove(said)
                    return said
            self._listen(deadline, f"{word!r} was not said; heard: {self._heard}")

    def hear_all(self, word: str, count: int) -> list[Said]:
        return [self.hear(word) for _ in range(count)]

    def is_silent_about(self, word: str) -> bool:
        """Whether it has not been said until now."""
        self._read()
        return all(said.word != word for said in self._heard)

    def _listen(self, deadline: float, trouble: str) -> None:
        left = deadline - time.monotonic()
        assert left > 0, trouble
        select.select([self._fd], [], [], left)
        self._read()

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            word, instance, pid = line.decode().split()
            self._heard.append(Said(word, instance, int(pid)))


def until(
    condition: Callable[[], bool],
    trouble: Callable[[], str] | str = "it did not come true",
    within_seconds: float = DEADLINE_SECONDS,
) -> None:
    """Wait for what cannot be waited for on an fd."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, trouble if isinstance(trouble, str) else trouble()
        time.sleep(0.002)


def is_alive(pid: int) -> bool:
    """Whether a process with this pid runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat[stat.rindex(b")") + 2 : stat.rindex(b")") + 3] not in (b"Z", b"X")


def marked(directory: Path) -> list[int]:
    """The pids of all processes that say in their environment that they belong to this stack directory."""
    mark = b"PROCESSION_DIRECTORY=" + os.fsencode(directory) + b"\0"
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes() and is_alive(int(path.parent.name)):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
