"""Programs of which only one may run, which write down when they do; and the holders that run them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from procession.lease import __path__ as lease_path

DEADLINE_SECONDS = 60.0  # only ever fails a test
REDIS_HOLDER = (sys.executable, "-I", "-S", os.path.join(*lease_path, "__main__.py"))
DATABASE_HOLDER = (sys.executable, "-m", "procession.django.lease")
# Appends {"at", "pid", "token", "host"} every few milliseconds, from its first moment to its last.
BEAT = """
import json, os, signal, sys, time
signal.signal(signal.SIGHUP, lambda *_: note("hup"))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
fd = os.open({file!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def note(word):
    line = dict(at=time.clock_gettime(time.CLOCK_BOOTTIME), pid=os.getpid(), host={host!r}, word=word)
    line["token"] = int(os.environ.get("PROCESSION_LEASE_TOKEN", "0"))
    os.write(fd, (json.dumps(line) + "\\n").encode())
while True:
    note("beat")
    time.sleep(0.02)
"""


class Beat(NamedTuple):
    """One life of the program: from its first line to its last, in seconds since boot."""

    host: str
    pid: int
    token: int
    first: float
    last: float


class Notebook:
    """The one file that all of them write to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def program(self, host: str) -> tuple[str, ...]:
        return (sys.executable, "-I", "-S", "-c", BEAT.format(file=str(self.path), host=host))

    def lines(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def beats(self) -> list[Beat]:
        """The lives, in the order of their beginnings."""
        found: dict[int, Beat] = {}
        for line in self.lines():
            first = found[line["pid"]].first if line["pid"] in found else line["at"]
            found[line["pid"]] = Beat(line["host"], line["pid"], line["token"], first, line["at"])
        return sorted(found.values(), key=lambda beat: beat.first)

    def await_beats(self, count: int) -> list[Beat]:
        """Wait until so many lives have begun."""
        until(lambda: len(self.beats()) >= count, f"there are not {count} lives")
        return self.beats()

    def check(self) -> None:
        """Never two at once; each with a higher token than the one before."""
        beats = self.beats()
        for one, other in pairwise(beats):
            assert one.last < other.first, f"two at once: {one}, {other}"
            assert one.token < other.token or not one.token, f"the token does not grow: {one}, {other}"


class Holder:
    """`procession lease` with a program, and what it says on its notify socket is passed over."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str] | None = None, **options: Any) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("PROCESSION_")}
        self.popen = subprocess.Popen(
            argv, env={**own, **(environment or {})}, stderr=subprocess.PIPE, text=True, **options
        )

    def kill(self) -> None:
        self.popen.kill()
        self.wait()

    def stop(self) -> int:
        self.popen.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        return self.popen.wait(DEADLINE_SECONDS)

    def errors(self) -> str:
        assert self.popen.stderr
        return str(self.popen.stderr.read())

    def close(self) -> None:
        if self.popen.poll() is None:
            self.kill()
        assert self.popen.stderr
        self.popen.stderr.close()


def until(condition: Callable[[], bool], trouble: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, trouble
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
