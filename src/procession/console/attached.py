"""`procession up` in the foreground: one loop over what instances say, what becomes of them, and Ctrl-C."""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Protocol

from procession.console import talk, text
from procession.console.lines import LinePrinter
from procession.console.waiting import Waiting
from procession.control import wire
from procession.control.client import TICK_SECONDS, Answer, Client, was_cut_off
from procession.recorder.reading.follow import Follower
from procession.recorder.reading.parts import log_paths, parts_of
from procession.refusal import ExitCode, Refusal

END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OWN_LOG = "procession"  # the recorder's; what happens is said here by the changes
MARK = "-- "  # before what is not an instance's own line
END_SECONDS_MAX = 10.0
SUCCESSOR_SECONDS = 5.0  # until another supervisor is there, where one was killed
LOOK_AGAIN_SECONDS = 0.02
SAME_SECONDS = 0.03
"""Two signals so close are one wish: timeout(1) sends its signal to us and to our group, as do other wrappers."""


Request = tuple[str, wire.Message]  # a verb of the control socket, and its fields
Say = Callable[[str], None]


class Beside(Protocol):
    """What the loop looks after besides: the files of a site, for `procession dev`."""

    def fileno(self) -> int:
        """Readable when there may be something to ask for."""

    def requests(self, say: Say) -> list[Request]:
        """What to ask the supervisor for now. Never waits."""


class Attached:
    """The view of a stack. `owns`: we started its supervisor, so our end is its end. `ready` is said when it is up."""

    def __init__(
        self, client: Client, options: argparse.Namespace, *, owns: bool, ready: str, beside: Beside | None = None
    ) -> None:
        self._client = client
        self._options = options
        self._owns = owns
        self._ready = ready
        self._beside = beside
        self._waiting = Waiting(no_color=options.no_color, mark=MARK)
        self._requests: dict[int, str] = {}  # under way: id -> verb
        self._ends_asked = 0  # by signals
        self._last_asked = -math.inf
        self._ends_done = 0
        self._code: int | None = None  # set: the view ends

    def run(self, request: wire.Message) -> int:
        """Make the stack run and show what happens, until the end; gives the exit code."""
        follower = _follower(self._options.stack_directory)
        printer = _printer(request["stack"], self._options)
        with _Signals(self._end_asked) as wakeup:
            if not self._owns:
                self._waiting.say("a supervisor is already running here; Ctrl-C leaves it running")
            self._ask("watch", {})
            self._ask("apply", request)
            while self._code is None:
                self._show(follower, printer)
                beside = (self._beside.fileno(),) if self._beside else ()
                follower.wait(TICK_SECONDS, also=(self._client.fileno(), wakeup, *beside))
                self._hear()
                self._look_beside()
                self._obey()
            self._show(follower, printer)
        follower.close()
        return self._code

    def _ask(self, verb: str, fields: wire.Message) -> None:
        self._requests[self._client.ask(verb, fields)] = verb

    def _look_beside(self) -> None:
        if self._beside is None or self._ends_asked:
            return
        for verb, fields in self._beside.requests(self._waiting.say):
            self._ask(verb, fields)

    def _end_asked(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        self._ends_asked += now - self._last_asked > SAME_SECONDS
        self._last_asked = now
        if number == signal.SIGHUP:
            _mute()  # the terminal is gone, and with it all who could read

    def _show(self, follower: Follower, printer: LinePrinter) -> None:
        records = follower.take()
        if not records:
            return
        self._waiting.clear()
        try:
            for record in records:
                printer.show(record)
            sys.stdout.flush()
        except BrokenPipeError:
            _mute()
            self._ends_asked += 1
        self._waiting.redraw()

    def _hear(self) -> None:
        """Take what the supervisor has said; its end is ours."""
        self._waiting.ticked()
        try:
            messages = self._client.take()
        except EOFError:
            if self._goes_on():
                return
            self._waiting.say("the supervisor has ended")
            self._code = ExitCode.DONE if self._ends_done or self._owns else ExitCode.NO_SUPERVISOR
            return
        for message in messages:
            if "done" in message:
                self._answered(self._requests.pop(message["id"]), Answer(message))
            elif "change" in message and self._requests.get(message["id"]) == "watch":
                self._waiting.changed(message["change"])

    def _goes_on(self) -> bool:
        """Whether another supervisor has taken over, after an upgrade or a death: then we watch that one."""
        deadline = time.monotonic() + SUCCESSOR_SECONDS
        while was_cut_off(self._options.stack_directory) and self._ends_done == self._ends_asked:
            try:
                self._client = Client(self._options.stack_directory)
            except Refusal:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(LOOK_AGAIN_SECONDS)
                continue
            self._requests.clear()
            self._ask("watch", {})
            self._waiting.say("another supervisor has taken over; everything goes on")
            return True
        return False

    def _answered(self, verb: str, answer: Answer) -> None:
        if verb == "signal" and not self._ends_done:
            return  # `beside` has said whom it asks
        self._waiting.clear()
        if verb != "apply" or not self._ends_done:  # what could not start has no news value once we stop
            talk.say_answer(answer, self._options)
        if verb == "apply" and answer.done and not self._ends_done:  # what is not wanted any more counts as done
            self._waiting.say(self._ready)
        elif verb == "down":
            self._client.wait_for_end(timeout_seconds=END_SECONDS_MAX)
            self._code = answer.code

    def _obey(self) -> None:
        """Each Ctrl-C goes a step further: stop in order, kill, leave."""
        while self._ends_done < self._ends_asked and self._code is None:
            self._ends_done += 1
            if not self._owns:
                self._waiting.say("the site runs on; to stop it: procession down")
                self._code = ExitCode.DONE
            elif self._ends_done == 1:
                self._waiting.say("stopping everything in order; Ctrl-C again kills what is left")
                self._ask("down", {})
            elif self._ends_done == 2:
                self._waiting.say("killing what is left")
                self._ask("signal", {"names": [], "signal": "KILL"})
            else:
                self._waiting.say("left; see what is there: procession status")
                self._code = ExitCode.NOT_SO


class _Signals:
    """While in it, END_SIGNALS go to `handler`, and wake a select that looks at the fd that it gives."""

    def __init__(self, handler: Callable[[int, FrameType | None], None]) -> None:
        self._handler = handler

    def __enter__(self) -> int:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before = [signal.signal(number, self._handler) for number in END_SIGNALS]
        signal.set_wakeup_fd(self._write)
        return self._read

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in zip(END_SIGNALS, self._before, strict=True):
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)


def _follower(stack_directory: str) -> Follower:
    """From the ends of the logs that are there on; later ones from their beginning."""
    parts = {name: parts_of(path, whole_lines=True) for name, path in log_paths(stack_directory).items()}
    return Follower(stack_directory, {name: own[-1] if own else None for name, own in parts.items()}, _is_of_instance)


def _is_of_instance(name: str) -> bool:
    return name != OWN_LOG


def _printer(stack: wire.Message, options: argparse.Namespace) -> LinePrinter:
    names = [f"{process['name']}.{process['replicas']}" for process in stack["processes"]]
    has_color = text.Ink(sys.stdout, no_color=options.no_color).is_on
    return LinePrinter(names, with_times=False, is_terminal=sys.stdout.isatty(), has_color=has_color)


def _mute() -> None:
    """Whatever is printed from here on goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
