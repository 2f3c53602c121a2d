"""A project folder with a procession.toml, the command `procession` run in it, and the terminal of who runs it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DEADLINE_SECONDS = 60.0  # only ever fails a test
COMMAND = (sys.executable, "-m", "procession")
SLEEPER = 'command = "sleep 1000"\n'
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Ended:
    """What a run of the command came to."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    def __repr__(self) -> str:
        return f"exit code {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


class Project:
    """A folder that declares a site. Whatever happens in a test, `end` leaves no process behind."""

    command: Sequence[str] = COMMAND
    within_seconds = DEADLINE_SECONDS  # each run of it

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.stack_directory = directory / ".procession"
        self._terminals: list[Terminal] = []
        directory.mkdir()

    def declare(self, text: str) -> None:
        (self.directory / "procession.toml").write_text(text)

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
        """`procession ARGUMENTS`, without a terminal."""
        child = subprocess.run(
            [*self.command, *arguments],
            cwd=self.directory,
            env=self.environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=self.within_seconds,
            check=False,
        )
        return Ended(child.returncode, child.stdout, child.stderr)

    def run_typing(self, typed: str, *arguments: str, until: str) -> str:
        """The command without a terminal, given this on stdin, until it has said `until`; all that it has said."""
        with subprocess.Popen(
            [*self.command, *arguments], cwd=self.directory, env=self.environment(), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as child:  # fmt: skip
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(typed.encode())
            child.stdin.flush()
            said = b""
            while until.encode() not in said:
                data = os.read(child.stdout.fileno(), 65536)
                assert data, f"it ended without {until!r}, having said:\n{said.decode()}"
                said += data
            child.stdin.close()
            assert child.wait(DEADLINE_SECONDS) == 0
        return said.decode()

    def terminal(self, *arguments: str) -> Terminal:
        """The same on a terminal, while this goes on."""
        self._terminals.append(Terminal(self, *arguments))
        return self._terminals[-1]

    def piped(self, *arguments: str, out: Path) -> subprocess.Popen[bytes]:
        """The same with its output into the file `out`, while this goes on."""
        with out.open("wb") as stdout:
            return subprocess.Popen(
                [*self.command, *arguments],
                cwd=self.directory,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.DEVNULL,
            )

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PROCESSION_", "DJANGO_"))}
        return {**own, "TERM": "xterm", "COLUMNS": "100", **(more or {})}

    def ok(self, *arguments: str) -> Ended:
        """The same, and it must end with 0."""
        ended = self.run(*arguments)
        assert ended.code == 0, ended
        return ended

    def status(self) -> Mapping[str, Any]:
        """The data of `status --json`."""
        data: Mapping[str, Any] = json.loads(self.run("status", "--json").out)
        return data

    def instance(self, name: str) -> Mapping[str, Any]:
        return next(view for view in self.status()["instances"] if view["name"] == name)

    def members(self) -> list[int]:
        """The pids of all processes that run in this project: supervisor, recorder, and every instance's tree."""
        marks = (f"{self.stack_directory}".encode(), f"PROCESSION_DIRECTORY={self.stack_directory}".encode())
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _belongs(pid, marks)]

    def end(self) -> None:
        """Take everything down, also what a failed test left."""
        for terminal in self._terminals:
            terminal.close()
        if self.members():
            self.run("down")
        for pid in self.members():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass


class Terminal:
    """The command on a terminal of its own; what it shows is kept in `shown`, without colours."""

    def __init__(self, project: Project, *arguments: str) -> None:
        self._fd, inner = os.openpty()
        self._popen = subprocess.Popen(
            [*project.command, *arguments],
            cwd=project.directory,
            env=project.environment(),
            stdin=inner,
            stdout=inner,
            stderr=inner,
            preexec_fn=lambda: os.login_tty(inner),  # noqa: PLW1509 - the only way to a controlling terminal
        )
        os.close(inner)
        self.pid = self._popen.pid
        self.raw = ""

    @property
    def shown(self) -> str:
        return ESCAPES.sub("", self.raw)

    def await_text(self, text: str, *, times: int = 1, after: str = "") -> None:
        """Read until `text` has been shown, so many times, behind the last `after`."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while after not in self.shown or self._behind(after).count(text) < times:
            assert self._read(deadline), f"it ended without {text!r}, having shown:\n{self.shown}"

    def _behind(self, text: str) -> str:
        return self.shown.rpartition(text)[2] if text else self.shown

    def press_ctrl_c(self) -> None:
        self.type(b"\x03")

    def type(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def resize(self, rows: int, columns: int) -> None:
        """Who runs in it hears SIGWINCH."""
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def settings(self) -> list[Any]:
        """How the terminal treats keys now (termios(3))."""
        return termios.tcgetattr(self._fd)

    def ended(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self._read(deadline):
            pass
        return self._popen.wait(DEADLINE_SECONDS)

    def close(self) -> None:
        self._popen.kill()
        self._popen.wait()
        os.close(self._fd)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._fd], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"nothing more within {DEADLINE_SECONDS} s, after:\n{self.shown}"
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # EIO: nobody has the other side any more (pty(7))
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)


def await_true(claim: Any, what: str) -> None:
    """Wait until `claim()` holds. For what the system does in its own time; it looks again every few milliseconds."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not claim():
        assert time.monotonic() < deadline, what
        select.select([], [], [], 0.01)


def _belongs(pid: int, marks: tuple[bytes, bytes]) -> bool:
    stack_directory, mark = marks
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read().split(b"\0")
    except OSError:
        return False
    return mark in environment or (b"--directory" in words and stack_directory in words)
