"""The program that every tool is asked to run, and the FIFO on which its instances report their birth."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
READ_BYTES = 65536
CHECK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Birth:
    """One instance's first act: its pid, and CLOCK_MONOTONIC as its `main` began."""

    pid: int
    nanoseconds: int


def build_child(cache: Path) -> tuple[str, ...]:
    """The argv of the child, but for the FIFO's path that follows it.

    A static C program where there is a compiler (its start costs a fraction of a millisecond, so that what is
    measured is the tool); else Python without site, whose 10 ms or so are then in every tool's times alike.
    """
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return (sys.executable, "-I", "-S", str(HERE / "child_fallback.py"))
    binary = cache / "child"
    if not binary.exists() or binary.stat().st_mtime < (HERE / "child.c").stat().st_mtime:
        _compile(compiler, binary)
    return (str(binary),)


def _compile(compiler: str, binary: Path) -> None:
    """Static if the machine has a libc.a, else dynamic; a rename puts it in place, since two may run at once."""
    part = binary.with_suffix(f".{os.getpid()}")
    command = [compiler, "-O2", "-o", str(part), str(HERE / "child.c")]
    if subprocess.run([*command, "-static"], capture_output=True, check=False).returncode != 0:
        subprocess.run(command, check=True)
    part.rename(binary)


class Births:
    """The reading side of the FIFO. It holds a writing end too, so that no child ever waits for a reader."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._rest = b""

    def close(self) -> None:
        os.close(self._fd)

    def wait_for(self, count: int, *, within_seconds: float, check: Callable[[], None] = lambda: None) -> list[Birth]:
        """The next `count` births, in the order in which they arrived. Raises TimeoutError with the number seen.

        `check` is called when a while has passed without one, and raises where there is nothing to hope for.
        """
        deadline = time.monotonic() + within_seconds
        births: list[Birth] = []
        while len(births) < count:
            came = self._read(min(CHECK_SECONDS, deadline - time.monotonic()))
            births += came
            if not came:
                check()
            if len(births) < count and time.monotonic() >= deadline:
                raise TimeoutError(f"{len(births)} of {count} instances came to life within {within_seconds:g} s")
        return births

    def _read(self, seconds: float) -> list[Birth]:
        if not select.select([self._fd], [], [], max(0.0, seconds))[0]:
            return []
        *lines, self._rest = (self._rest + os.read(self._fd, READ_BYTES)).split(b"\n")
        return [Birth(int(pid), int(nanoseconds)) for pid, nanoseconds in map(bytes.split, lines)]
