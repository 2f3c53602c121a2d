"""One manager and its services in a directory of their own, from `up` to nothing left."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import processes
from benchmarks.injection.managers.base import Argv, Manager, Service
from procession.supervisor.linux.cgroups import find_base, name_of

START_SECONDS_MAX = 30.0
COMMAND_SECONDS_MAX = 60.0
LOOK_SECONDS = 0.02  # what is waited for here is looked at this often: times are good to that
PROGRAM = Path(__file__).resolve().parent / "service.py"


@dataclass(frozen=True, slots=True)
class Done:
    """One command of the manager. `status` is None when it had not ended in time (and was killed)."""

    status: int | None
    seconds: float
    text: str


class Trial:
    """Use within `trial_of`, which ends whatever is left."""

    def __init__(self, manager: Manager, directory: Path) -> None:
        self.manager = manager
        self.directory = directory
        self._main: subprocess.Popen[bytes] | None = None

    def service(self, behaviour: str, number: float = 0.0, *, name: str = "", log: Path | None = None) -> Service:
        """A service that runs `service.py` with this behaviour."""
        name = name or behaviour
        births = self.directory / f"{name}.births"
        argv = (sys.executable, "-I", "-S", str(PROGRAM), str(births), behaviour, f"{number:g}")
        return Service(name, argv, log or self.log_of(name))

    def log_of(self, name: str) -> Path:
        return self.directory / f"{name}.out"

    def up(self, *services: Service, births: int = 1) -> None:
        """Start the manager, and wait until each service has been born so often. Raises TimeoutError."""
        self.manager.write(self.directory, services)
        self.start()
        for service in services:
            if not service.bind:
                self.wait_for(
                    partial(self._has_births, service.name, births), START_SECONDS_MAX, f"{service.name} is born"
                )

    def _has_births(self, name: str, count: int) -> bool:
        return len(self.born(name)) >= count

    def start(self) -> None:
        """The manager's own `up`."""
        self._main = self._spawn(self.manager.up)
        if not self.manager.stays:
            self._main.wait(COMMAND_SECONDS_MAX)

    def born(self, name: str) -> list[int]:
        """The pids of all lives that a service has had, the oldest first."""
        try:
            return [int(line.split()[0]) for line in (self.directory / f"{name}.births").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def alive(self, name: str) -> list[int]:
        """Those of them that run now."""
        living = processes.read_descendants()
        return [pid for pid in self.born(name) if pid in living]

    def kill_manager(self) -> None:
        """SIGKILL, and nothing else."""
        pid = self.find_manager()
        with contextlib.closing(processes.Ends([pid])) as end:
            os.kill(pid, signal.SIGKILL)
            end.wait(within_seconds=START_SECONDS_MAX)

    def find_manager(self) -> int:
        """The manager's pid. Raises OSError or ValueError when it has none."""
        if self.manager.find_pid is not None:
            return self.manager.find_pid(self.directory)
        assert self._main is not None, "started before"
        return self._main.pid

    def is_managed(self) -> bool:
        """Whether the manager lives."""
        try:
            return self.find_manager() in processes.read_descendants()
        except (OSError, ValueError):
            return False

    def run(self, argv: Argv, seconds: float = COMMAND_SECONDS_MAX) -> Done:
        """One command, to its end or for so long."""
        return finish(self._spawn(argv, subprocess.PIPE), seconds)

    def begin(self, argv: Argv) -> subprocess.Popen[bytes]:
        """One command that goes on beside others; see `finish`."""
        return self._spawn(argv, subprocess.PIPE)

    def stop(self, seconds: float) -> float | None:
        """End all in the manager's own way; how long it took until the manager was gone. None: it had not by then."""
        began = time.monotonic()
        manager = [self.find_manager()]
        with contextlib.closing(processes.Ends(manager)) as end, contextlib.suppress(TimeoutError):
            if self.manager.down is not None:
                self.run(self.manager.down, seconds)
            elif self._main is not None:
                self._main.send_signal(signal.SIGTERM)
            end.wait(within_seconds=max(0.0, began + seconds - time.monotonic()))
            return time.monotonic() - began
        return None

    def wait_for(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Raises TimeoutError."""
        if not self.comes_true(condition, seconds):
            raise TimeoutError(f"{what}: not within {seconds:g} s")

    def comes_true(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether it was true at some moment of these seconds."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() >= deadline:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def pass_time(self, seconds: float) -> None:
        """Let it go on for so long."""
        self.comes_true(lambda: False, seconds)

    def _spawn(self, argv: Argv, output: int | None = None) -> subprocess.Popen[bytes]:
        with (self.directory / "output").open("ab") as file:
            return subprocess.Popen(
                argv,
                cwd=self.directory,
                env={**os.environ, **self.manager.environment(self.directory)},
                stdin=subprocess.DEVNULL,
                stdout=output or file,
                stderr=subprocess.STDOUT,
            )


def finish(command: subprocess.Popen[bytes], seconds: float = COMMAND_SECONDS_MAX) -> Done:
    """Wait for its end, for so long at most."""
    began = time.monotonic()
    try:
        said, _ = command.communicate(timeout=seconds)
        status: int | None = command.returncode
    except subprocess.TimeoutExpired:
        command.kill()
        said, _ = command.communicate()
        status = None
    return Done(status, time.monotonic() - began, said.decode(errors="replace"))


@contextlib.contextmanager
def trial_of(manager: Manager) -> Iterator[Trial]:
    """A trial in a new directory; afterwards nothing of it is left. The path is short, for unix sockets under it."""
    directory = Path(tempfile.mkdtemp(prefix="procession-faults-"))
    try:
        yield Trial(manager, directory)
    finally:
        processes.kill_descendants(within_seconds=START_SECONDS_MAX)
        _remove_groups(directory)
        shutil.rmtree(directory, ignore_errors=True)


def _remove_groups(directory: Path) -> None:
    """The cgroups of our supervisor, which it removes when it is not killed."""
    for path, _, _ in os.walk(f"{find_base().path}/{name_of(str(directory / '.procession'))}", topdown=False):
        os.rmdir(path)
