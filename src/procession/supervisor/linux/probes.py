"""Asks instances whether they are ready, and whether they are alive: when, how often, and for how long.

At the start the first questions come quickly, then at growing intervals up to the declared one, so that being asked
costs no start-up time; the core judges the answers.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Protocol

from procession.loop import Loop
from procession.stack.model import Probe, ProbeType, Process
from procession.supervisor.core.events import Probed
from procession.supervisor.linux.addresses import parse_literal, reachable
from procession.supervisor.linux.attempts import Call, Judge
from procession.supervisor.linux.children import Children
from procession.supervisor.linux.heartbeats import Pulse
from procession.supervisor.linux.looks import Look
from procession.supervisor.linux.lookups import NamedCall
from procession.supervisor.linux.spawn import read_report
from procession.supervisor.linux.watchdog import Watchdog

FIRST_SECONDS = 0.05
GROWTH = 1.5
ABOUT = ("startup", "readiness", "liveness")

Run = Callable[[tuple[str, ...]], "tuple[int, int]"]  # starts a command as the instance would; its pid and report fd
NewAttempt = Callable[[Judge], "Attempt"]


class Attempt(Protocol):
    """One attempt under way. `is_over`: no child of it is left."""

    where: str

    @property
    def is_over(self) -> bool: ...
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
        self._asking: dict[tuple[int, str], Asking | Watchdog] = {}  # by life and what about

    def watch(self, name: str, life: int, about: str, probe: Probe, process: Process) -> None:
        """Begin to ask; what was asked before about the same is asked no more."""
        self._end((life, about))

        def judge(ok: bool, text: str) -> None:
            self._tell(Probed(name, life, about, ok, text))

        asking = (
            Watchdog(self._loop, probe, judge)
            if probe.type is ProbeType.NOTIFY
            else Asking(self._loop, probe, self._attempts(name, life, probe, process), judge)
        )
        self._asking[life, about] = asking
        asking.begin(probe.interval_seconds if about == "liveness" else FIRST_SECONDS)

    def beat(self, life: int, interval_seconds: float) -> None:
        """This life said WATCHDOG=1, or within how many seconds it will; who is not watched by it says so in vain."""
        watchdog = self._asking.get((life, "liveness"))
        if isinstance(watchdog, Watchdog):
            watchdog.beat(interval_seconds)

    def unwatch(self, life: int) -> None:
        """Ask this life nothing any more."""
        for about in ABOUT:
            self._end((life, about))

    def _end(self, key: tuple[int, str]) -> None:
        asking = self._asking.pop(key, None)
        if asking is not None:
            asking.end()

    def _attempts(self, name: str, life: int, probe: Probe, process: Process) -> NewAttempt:
        """What makes each attempt of this probe. It raises ValueError for an address that cannot be asked."""
        if probe.type is ProbeType.HEARTBEAT:
            pulse = Pulse(self._heartbeat(name, life), probe)
            return lambda judge: Glance(pulse, judge)
        if probe.type is ProbeType.FILE:
            return lambda judge: Look(self._loop, self._children, probe, process.directory, judge)
        if probe.type is ProbeType.EXEC:

            def run(command: tuple[str, ...]) -> tuple[int, int]:
                return self._run(name, life, process, command)

            return lambda judge: Execution(self._loop, self._children, run, probe.command, judge)
        where = probe.address or (process.listeners[0].bind if process.listeners else "")
        return lambda judge: self._call(probe, where, judge)

    def _call(self, probe: Probe, where: str, judge: Judge) -> Attempt:
        address = parse_literal(where)
        if address is None:
            return NamedCall(self._loop, self._children, probe, where, judge)
        return Call(self._loop, probe, reachable(address), where, judge)


class Asking:
    """One probe of one life, asked again and again."""

    __slots__ = ("_attempt", "_judge", "_last", "_loop", "_new_attempt", "_probe", "_wait_seconds")

    def __init__(self, loop: Loop, probe: Probe, new_attempt: NewAttempt, judge: Judge) -> None:
        self._loop = loop
        self._probe = probe
        self._new_attempt = new_attempt
        self._judge = judge
        self._wait_seconds = probe.interval_seconds
        self._attempt: Attempt | None = None
        self._last: Attempt | None = None  # whose child may still be there: one that waits for a dead disk cannot die

    def begin(self, first_seconds: float) -> None:
        self._wait_seconds = min(first_seconds, self._probe.interval_seconds)
        self._loop.call_after(self._wait_seconds, self, self._ask)

    def end(self) -> None:
        self._loop.cancel(self)
        if self._attempt is not None:
            self._attempt.end()

    def _ask(self) -> None:
        if self._last is not None and not self._last.is_over:
            self._answered(False, f"{self._last.where}: still no answer")
            return
        try:
            self._attempt = self._last = self._new_attempt(self._answered)
            self._loop.call_after(self._probe.timeout_seconds, self, self._late)
            self._attempt.begin()
        except (OSError, ValueError) as error:
            self._answered(False, str(error))

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


class Glance:
    """A look at a heartbeat, which is answered at once."""

    __slots__ = ("_judge", "_pulse", "where")

    def __init__(self, pulse: Pulse, judge: Judge) -> None:
        self._pulse = pulse
        self._judge = judge
        self.where = "heartbeat"

    @property
    def is_over(self) -> bool:
        return True

    def begin(self) -> None:
        self._judge(*self._pulse.look())

    def end(self) -> None:
        """It was answered when it began."""


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

    @property
    def is_over(self) -> bool:
        return self._report < 0

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


def _ending(status: int | None) -> str:
    return f"exited with {status}" if status is not None and status >= 0 else f"killed by signal {-(status or 0)}"
