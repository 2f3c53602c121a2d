"""Asks instances whether they are ready, and whether they are alive: when, how often, and for how long.

At the start the first questions come quickly, then at growing intervals up to the declared one, so that being asked
costs no start-up time; the core judges the answers.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Protocol

from procession.loop import Loop
from procession.stack.model import Probe, ProbeType, Process
from procession.supervisor.core.events import Probed
from procession.supervisor.linux.addresses import parse_address, reachable
from procession.supervisor.linux.attempts import Call, Judge
from procession.supervisor.linux.children import Children
from procession.supervisor.linux.heartbeats import Pulse
from procession.supervisor.linux.spawn import read_report

FIRST_SECONDS = 0.05
GROWTH = 1.5

Run = Callable[[tuple[str, ...]], "tuple[int, int]"]  # starts a command as the instance would; its pid and report fd


class Attempt(Protocol):
    """One attempt under way."""

    where: str

    def begin(self) -> None: ...
    def end(self) -> None: ...


class Probes:
    """All probing. `tell(Probed)` hears every answer; `run(name, life, command)` starts an exec probe's command;
    `heartbeat(name, life)` is the path of the file that this life touches.
    """

    __slots__ = ("_asking", "_children", "_heartbeat", "_loop", "_run", "_tell")

    def __init__(
        self,
        loop: Loop,
        children: Children,
        tell: Callable[[Probed], object],
        run: Callable[[str, int, Process, tuple[str, ...]], tuple[int, int]],
        heartbeat: Callable[[str, int], str],
    ) -> None:
        self._loop = loop
        self._children = children
        self._tell = tell
        self._run = run
        self._heartbeat = heartbeat
        self._asking: dict[tuple[int, str], Asking] = {}  # by life and what about

    def watch(self, name: str, life: int, about: str, probe: Probe, process: Process) -> None:
        """Begin to ask; what was asked before about the same is asked no more."""
        self._end((life, about))
        asking = Asking(self._loop, probe, process, lambda ok, text: self._tell(Probed(name, life, about, ok, text)))
        asking.children = self._children
        asking.pulse = Pulse(self._heartbeat(name, life), probe) if probe.type is ProbeType.HEARTBEAT else None
        asking.run = lambda command: self._run(name, life, process, command)
        self._asking[life, about] = asking
        asking.begin(FIRST_SECONDS if about == "readiness" else probe.interval_seconds)

    def unwatch(self, life: int) -> None:
        """Ask this life nothing any more."""
        self._end((life, "readiness"))
        self._end((life, "liveness"))

    def _end(self, key: tuple[int, str]) -> None:
        asking = self._asking.pop(key, None)
        if asking is not None:
            asking.end()


class Asking:
    """One probe of one life, asked again and again."""

    __slots__ = ("_attempt", "_judge", "_loop", "_probe", "_process", "_wait_seconds", "children", "pulse", "run")

    def __init__(self, loop: Loop, probe: Probe, process: Process, judge: Judge) -> None:
        self._loop = loop
        self._probe = probe
        self._process = process
        self._judge = judge
        self._wait_seconds = probe.interval_seconds
        self._attempt: Attempt | None = None
        self.children: Children
        self.pulse: Pulse | None
        self.run: Run

    def begin(self, first_seconds: float) -> None:
        self._wait_seconds = min(first_seconds, self._probe.interval_seconds)
        self._loop.call_after(self._wait_seconds, self, self._ask)

    def end(self) -> None:
        self._loop.cancel(self)
        if self._attempt is not None:
            self._attempt.end()

    def _ask(self) -> None:
        if self.pulse is not None:
            self._answered(*self.pulse.look())
            return
        if self._probe.type is ProbeType.FILE:
            self._answered(*judge_file(self._probe, self._process.directory, time.time()))
            return
        try:
            self._attempt = self._new_attempt()
        except (OSError, ValueError) as error:
            self._answered(False, str(error))
            return
        self._loop.call_after(self._probe.timeout_seconds, self, self._late)
        self._attempt.begin()

    def _new_attempt(self) -> Attempt:
        if self._probe.type is ProbeType.EXEC:
            return Execution(self._loop, self.children, self.run, self._probe.command, self._answered)
        where = self._probe.address or (self._process.listeners[0].bind if self._process.listeners else "")
        return Call(self._loop, self._probe, reachable(parse_address(where)), where, self._answered)

    def _late(self) -> None:
        assert self._attempt is not None, "an attempt was begun when this deadline was set"
        self._attempt.end()
        self._answered(False, f"{self._attempt.where}: no answer within {self._probe.timeout_seconds:g} s")

    def _answered(self, ok: bool, detail: str) -> None:
        self._attempt = None
        grown = self._probe.interval_seconds if ok else self._wait_seconds * GROWTH
        self._wait_seconds = min(grown, self._probe.interval_seconds)
        self._loop.call_after(self._wait_seconds, self, self._ask)
        self._judge(ok, detail)


class Execution:
    """A command that answers by its exit code; when its time is over, its whole process group is killed."""

    __slots__ = ("_children", "_command", "_judge", "_loop", "_pid", "_report", "_run", "where")

    def __init__(self, loop: Loop, children: Children, run: Run, command: tuple[str, ...], judge: Judge) -> None:
        self._loop = loop
        self._children = children
        self._run = run
        self._command = command
        self._judge: Judge | None = judge
        self._pid = 0
        self._report = -1
        self.where = " ".join(command)

    def begin(self) -> None:
        try:
            self._pid, self._report = self._run(self._command)
        except OSError as error:
            self._tell(False, f"{self.where}: cannot be started: {error.strerror}")
            return
        self._children.add(self._pid, self._ended)

    def end(self) -> None:
        self._judge = None
        if self._report < 0:
            return
        for kill in (os.kill, os.killpg):  # its number is its own: it is our child, and not reaped yet
            try:
                kill(self._pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it has not come to its setsid
            except PermissionError:
                pass  # it became another user's (sudo): its end is its own affair

    def _ended(self, status: int | None) -> None:
        trouble = read_report(self._report)
        os.close(self._report)
        self._report = -1
        self._tell(status == 0, trouble or f"{self.where}: {_ending(status)}")

    def _tell(self, ok: bool, detail: str) -> None:
        if self._judge is not None:
            self._judge(ok, detail)


def judge_file(probe: Probe, directory: str, now: float) -> tuple[bool, str]:
    """Whether the file is there and young enough. `now` in seconds since the epoch, as the file's time is."""
    try:
        age_seconds = now - os.stat(os.path.join(directory, probe.file)).st_mtime
    except OSError as error:
        return False, f"file {probe.file}: {(error.strerror or '').lower()}"
    if probe.max_age_seconds and age_seconds > probe.max_age_seconds:
        return False, f"file {probe.file}: last touched {age_seconds:.0f} s ago"
    return True, f"file {probe.file} is there"


def _ending(status: int | None) -> str:
    return f"exited with {status}" if status is not None and status >= 0 else f"killed by signal {-(status or 0)}"
