"""A real recorder on a stack directory of its own, and the supervisor's side of it: the FIFOs, the commands."""

from __future__ import annotations

import gzip
import json
import os
import re
import select
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import procession.recorder
from procession.recorder.reading.parts import parts_of

MAIN = Path(procession.recorder.__file__).with_name("__main__.py")
DEADLINE_SECONDS = 30.0  # only ever fails a test
STAMP = re.compile(rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", re.MULTILINE)
FLOOD = """
import os, sys
name, count, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for start in range(0, count, 500):
    lines = [f"{name} {n:09d} ".ljust(width - 1, "x") + "\\n" for n in range(start, min(start + 500, count))]
    data = memoryview("".join(lines).encode())
    while data:
        data = data[os.write(1, data):]
"""


class Rig:
    """`directory` is the stack directory; the recorder is started by `start`, as often as a test likes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.recorder: subprocess.Popen[bytes] | None = None
        self._fds: dict[str, int] = {}
        self._children: list[subprocess.Popen[bytes]] = []
        (directory / "fifo").mkdir(parents=True, mode=0o700)
        os.mkfifo(directory / "recorder.fifo", 0o600)
        self._commands = os.open(directory / "recorder.fifo", os.O_RDWR)

    def start(self, *options: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-I", "-S", str(MAIN), "--directory", str(self.directory), *options]
        self.recorder = subprocess.Popen(argv, stdout=stdout, start_new_session=True)
        return self.recorder

    def send(self, **command: object) -> None:
        self.send_raw(json.dumps(command).encode() + b"\n")

    def send_raw(self, data: bytes) -> None:
        os.write(self._commands, data)

    def open(self, name: str, **policy: object) -> int:
        """Open an instance as the supervisor does; the fd for its output, kept open until `close_all`."""
        fifo = self.directory / "fifo" / name
        if not fifo.exists():
            os.mkfifo(fifo, 0o600)
        if name not in self._fds:
            self._fds[name] = os.open(fifo, os.O_RDWR)
        self.send(open=name, **policy)
        return self._fds[name]

    def say(self, name: str, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fds[name], view) :]

    def flood(self, name: str, lines: int, width: int = 100) -> subprocess.Popen[bytes]:
        """A real process that writes numbered lines to the FIFO of this instance."""
        argv = [sys.executable, "-I", "-S", "-c", FLOOD, name, str(lines), str(width)]
        return self.own(subprocess.Popen(argv, stdout=self._fds[name]))

    def own(self, process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        """This process, too, is gone when the test is over."""
        self._children.append(process)
        return process

    def close(self, *names: str) -> None:
        """Have everything of these instances written."""
        for name in names:
            self.send(close=name)
        for name in names:
            eventually(lambda name=name: not (self.directory / "fifo" / name).exists())  # type: ignore[misc]
            os.close(self._fds.pop(name))

    def quit(self) -> None:
        assert self.recorder is not None
        self.send(quit=True)
        assert self.recorder.wait(DEADLINE_SECONDS) == 0

    def kill(self) -> None:
        assert self.recorder is not None
        self.recorder.kill()
        self.recorder.wait()

    def log(self, name: str) -> bytes:
        """All that was ever written to the log, rotated and compressed parts included."""
        path = str(self.directory / "log" / f"{name}.log")
        return b"".join(read_part(part.path) for part in parts_of(path))

    def text(self, name: str) -> bytes:
        """The same without the times; each line has one."""
        log = self.log(name)
        assert len(STAMP.findall(log)) == log.count(b"\n") + (not log.endswith(b"\n") if log else 0)
        return STAMP.sub(b"", log)

    def parts(self, name: str) -> list[str]:
        return [part.path for part in parts_of(str(self.directory / "log" / f"{name}.log"))]

    def events(self) -> list[tuple[str, str | None, dict[str, object]]]:
        """Kind, instance and detail of each event in the history."""
        if not (self.directory / "history.sqlite").exists():
            return []
        database = sqlite3.connect(self.directory / "history.sqlite")
        try:
            rows = database.execute("SELECT kind, instance, detail FROM events ORDER BY id").fetchall()
        except sqlite3.OperationalError:  # its table is being made
            return []
        finally:
            database.close()
        return [(kind, instance, json.loads(detail)) for kind, instance, detail in rows]

    def notes(self) -> str:
        return self.text("procession").decode()

    def close_all(self) -> None:
        """Leave no process behind."""
        for process in [*self._children, *([self.recorder] if self.recorder else [])]:
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        for fd in [*self._fds.values(), self._commands]:
            os.close(fd)


def read_part(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return gzip.decompress(Path(path + ".gz").read_bytes())


def numbered(name: str, lines: int, width: int = 100) -> bytes:
    """What `flood` writes."""
    return b"".join(f"{name} {n:09d} ".ljust(width - 1, "x").encode() + b"\n" for n in range(lines))


def eventually(condition: Callable[[], object]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "this never came true"
        select.select([], [], [], 0.005)


def read_until(fd: int, found: Callable[[bytes], bool]) -> bytes:
    """Read from this fd until what was read is what is looked for, or it ends."""
    data = b""
    while not found(data):
        ready, _, _ = select.select([fd], [], [], DEADLINE_SECONDS)
        assert ready, f"nothing more came after {data!r}"
        more = os.read(fd, 1 << 16)
        if not more:
            break
        data += more
    return data


def run(argv: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(argv, capture_output=True, timeout=DEADLINE_SECONDS, check=False)
