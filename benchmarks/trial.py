"""One tool running one set of programs in a directory of its own, from `up` to nothing left."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import processes
from benchmarks.child import Births
from benchmarks.peers.base import Argv, Peer, Programs

UP_SECONDS_MAX = 60.0
DOWN_SECONDS_MAX = 60.0
COMMAND_SECONDS_MAX = 90.0
END_SECONDS_MAX = 20.0  # for the tool's own processes, once it has been told to go
LAST_WORDS_BYTES = 400
LAST_WORDS_LINES = 3


class Trial:
    """Use within `trial_of`, which ends whatever is left. Times are seconds, stamps CLOCK_MONOTONIC nanoseconds."""

    def __init__(self, peer: Peer, directory: Path, child: Argv, instances: int) -> None:
        self.peer = peer
        self.born: dict[int, int] = {}  # the instances by pid, each with the stamp of its birth; the oldest first
        self._directory = directory
        self._instances = instances
        self._births = Births(directory / "births")
        self._main: subprocess.Popen[bytes] | None = None
        peer.write(directory, Programs((*child, str(directory / "births")), instances))

    def up(self) -> float:
        """From the start of the tool's command until its last instance's first instruction."""
        began = time.monotonic_ns()
        self._main = self._spawn(self.peer.up)
        last = self.collect_births(self._instances)
        if not self.peer.stays:
            self._finish(self._main, self.peer.up)
        return (last - began) / 1e9

    def collect_births(self, count: int) -> int:
        """Wait until so many more instances have come to life; the stamp of the last one."""
        births = self._births.wait_for(count, within_seconds=UP_SECONDS_MAX, check=self._check_main)
        self.born |= {birth.pid: birth.nanoseconds for birth in births}
        return max(birth.nanoseconds for birth in births)

    def _check_main(self) -> None:
        """Raises RuntimeError when the tool has failed to start, or has gone though it should have stayed."""
        if self._main is not None and (status := self._main.poll()) is not None and (status or self.peer.stays):
            raise RuntimeError(f"`{' '.join(self.peer.up)}` ended with {status}: {self._last_words()}")

    def kill(self, pid: int) -> None:
        del self.born[pid]
        os.kill(pid, signal.SIGKILL)

    def wait_until_steady(self) -> int:
        """Until the oldest instance, whose pid comes back, has been up for as long as the tool calls stable."""
        pid, born = next(iter(self.born.items()))
        self._wait_for_age(born)
        return pid

    def wait_until_all_steady(self) -> None:
        self._wait_for_age(max(self.born.values()))

    def _wait_for_age(self, born: int) -> None:
        time.sleep(max(0.0, self.peer.steady_seconds - (time.monotonic_ns() - born) / 1e9))

    def wait_within_tick(self) -> None:
        """A tool that looks every so often has just looked when an instance has come back: leave that moment."""
        time.sleep(random.uniform(0.0, self.peer.tick_seconds))

    def time_command(self, argv: Argv) -> float:
        """Wall time of one command of the tool. Raises RuntimeError when it fails."""
        began = time.monotonic_ns()
        self._finish(self._spawn(argv), argv)
        return (time.monotonic_ns() - began) / 1e9

    def find_own_processes(self) -> set[int]:
        """The tool's: all that descends from us and is no instance."""
        return processes.read_descendants() - self.born.keys()

    def down(self) -> float:
        """From the stop command's start until it has returned and no instance is left (the tool itself may linger)."""
        with contextlib.closing(processes.Ends(self.born)) as ends:
            self.born.clear()
            began = time.monotonic_ns()
            self._ask_to_stop()
            ends.wait(within_seconds=DOWN_SECONDS_MAX)
            return (time.monotonic_ns() - began) / 1e9

    def _ask_to_stop(self) -> None:
        if self.peer.down is not None:
            self._finish(self._spawn(self.peer.down), self.peer.down)
        elif self._main is not None:
            self._main.send_signal(signal.SIGTERM)

    def _spawn(self, argv: Argv) -> subprocess.Popen[bytes]:
        with (self._directory / "output").open("ab") as output:
            return subprocess.Popen(
                argv, cwd=self._directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output, close_fds=False
            )

    def _finish(self, command: subprocess.Popen[bytes], argv: Argv) -> None:
        """Waits by pidfd: `Popen.wait` with a timeout polls, and its sleeps of up to 50 ms would be measured."""
        if command.poll() is None:
            with contextlib.closing(processes.Ends([command.pid])) as end:
                end.wait(within_seconds=COMMAND_SECONDS_MAX)
        status = command.wait()
        if status != 0:
            raise RuntimeError(f"`{' '.join(argv)}` ended with {status}: {self._last_words()}")

    def _last_words(self) -> str:
        said = (self._directory / "output").read_bytes()[-LAST_WORDS_BYTES:]
        return " ".join(said.decode(errors="replace").strip().split("\n")[-LAST_WORDS_LINES:])

    def end(self) -> int:
        """End all that is left, politely first; the number of processes that had to be killed."""
        with contextlib.suppress(OSError, RuntimeError, TimeoutError, subprocess.TimeoutExpired):
            if self.born:
                self.wait_until_all_steady()
                self.down()
            with contextlib.closing(processes.Ends(processes.read_descendants())) as ends:
                ends.wait(within_seconds=END_SECONDS_MAX)
        killed = processes.kill_descendants(within_seconds=END_SECONDS_MAX)
        if self._main is not None:
            self._main.wait(timeout=END_SECONDS_MAX)
        self._births.close()
        return killed


@contextlib.contextmanager
def trial_of(peer: Peer, child: Argv, instances: int) -> Iterator[Trial]:
    """A trial in a new directory; afterwards nothing of it is left. Raises RuntimeError when that took SIGKILL.

    The path is short, since unix sockets are made under it (108 bytes, unix(7)).
    """
    directory = Path(tempfile.mkdtemp(prefix="procession-bench-"))
    try:
        trial = Trial(peer, directory, child, instances)
        try:
            yield trial
        finally:
            killed = trial.end()
        if killed:
            raise RuntimeError(f"{killed} processes were left behind by {peer.name} and had to be killed")
    finally:
        shutil.rmtree(directory)
