"""What a task runner's test needs: the site's processes, the supervisor's end of the notify socket, the tasks' words.

A deadline only ever fails a test.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from procession.backends.base import Command, Profile
from procession.backends.registry import find
from procession.stack.model import Declaration, Site

DIRECTORY = Path(__file__).parents[2] / "jobsite"
WITHIN_SECONDS = 40.0

SITE = Site(
    directory=str(DIRECTORY),
    python=sys.executable,
    settings_module="jobsite.settings",
    has_app=True,
)


class Notices:
    """The supervisor's end: the datagrams that instances send."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def fileno(self) -> int:
        return self._socket.fileno()

    def next(self) -> str:
        """The datagram that has come. Raises BlockingIOError if none has."""
        return self._socket.recv(4096).decode()

    def is_quiet(self) -> bool:
        """Is nothing more waiting?"""
        return not select.select([self._socket], [], [], 0)[0]

    def close(self) -> None:
        self._socket.close()


class Words:
    """A FIFO on which tasks say "began PID" and "ended PID"."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # With a writer of our own there is never an end of file.
        self._rest = b""

    def next(self, within_seconds: float = WITHIN_SECONDS) -> str:
        """The next word, without its pid. Raises TimeoutError."""
        deadline = time.monotonic() + within_seconds
        while b"\n" not in self._rest:
            if not select.select([self._fd], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise TimeoutError(f"nothing was said within {within_seconds:g} s, only {self._rest!r}")
            self._rest += os.read(self._fd, 4096)
        line, _, self._rest = self._rest.partition(b"\n")
        return line.split()[0].decode()

    def is_quiet(self) -> bool:
        """Is nothing more waiting?"""
        return not self._rest and not select.select([self._fd], [], [], 0)[0]

    def close(self) -> None:
        os.close(self._fd)


@dataclass(kw_only=True)
class Runner:
    """One runner's site: its environment, and where its processes log."""

    environment: dict[str, str]
    directory: Path  # for logs, and whatever the programs leave behind
    notices: Notices
    words: Words
    started: list[Instance] = field(default_factory=list)

    def manage(self, *words: str) -> str:
        """Run a management command to its end, and what it printed; that is in the error if it fails."""
        argv = [sys.executable, "manage.py", *words]
        done = subprocess.run(argv, cwd=DIRECTORY, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, name: str, declaration: Declaration, *, site: Site = SITE) -> Instance:
        """Start a backend's command as the supervisor would, in a session of its own."""
        backend = find(name)
        assert backend is not None
        command = backend.build(declaration, site, 10.0)
        assert not [problem for problem in command.problems if problem.is_error], command.problems
        instance = Instance(self, name, command, backend.profile(command))
        self.started.append(instance)
        return instance

    def clean(self) -> None:
        for instance in self.started:
            instance.kill()


class Instance:
    """One started process, and everything in its session."""

    def __init__(self, runner: Runner, name: str, command: Command, profile: Profile) -> None:
        self.command = command
        self.profile = profile
        self.name = f"{name}.1"
        self._notices = runner.notices
        self._log = runner.directory / f"{self.name}.log"
        told = {"PROCESSION_NOTIFY": runner.notices.address, "PROCESSION_INSTANCE": self.name}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command.argv,
                cwd=DIRECTORY,
                env={**runner.environment, **command.environment, **told},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def told(self) -> str:
        """What it next tells the supervisor. Fails at once if it ends before."""
        pidfd = os.pidfd_open(self._process.pid)
        try:
            readable, _, _ = select.select([self._notices.fileno(), pidfd], [], [], WITHIN_SECONDS)
        finally:
            os.close(pidfd)
        assert self._notices.fileno() in readable, "it told nothing" if not readable else "it ended"
        return self._notices.next()

    def stop(self, step: int = 0) -> None:
        """A step of the ladder: its signal, to the main process alone."""
        self._process.send_signal(getattr(signal, f"SIG{self.profile.stop[step][0]}"))

    def has_ended(self, within_seconds: float) -> bool:
        """Does it end in that time?"""
        try:
            self._process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def exit(self, within_seconds: float = WITHIN_SECONDS) -> int:
        """Its exit status; minus the signal that killed it."""
        return self._process.wait(within_seconds)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def left_behind(self) -> list[int]:
        """The pids of its session that are alive."""
        return [pid for pid in _pids() if pid != self._process.pid and _session(pid) == self._process.pid]

    def kill(self) -> None:
        """For the end of a test that failed."""
        for pid in self.left_behind():
            _kill_pid(pid)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def skip_without(module: str) -> None:
    """Not importorskip: most of them cannot be imported without the site's settings."""
    if not find_spec(module):
        pytest.skip(f"{module} is not installed")


def _kill_pid(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


@contextmanager
def explained(*instances: Instance) -> Iterator[None]:
    """A test that fails shows what the processes printed."""
    try:
        yield
    except (AssertionError, TimeoutError, subprocess.TimeoutExpired) as error:
        for instance in instances:
            error.add_note(f"--- {instance.name}: {' '.join(instance.command.argv)}\n{instance.log()[-4000:]}")
        raise


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _session(pid: int) -> int:
    """The session of a process that is alive; 0 of one that is gone or a zombie (proc_pid_stat(5), fields 3 and 6)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[3])
