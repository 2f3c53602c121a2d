"""What an engine is asked to do: a generator of commands, so that the same text can be run, printed, and tested.

    def restart(asked: Asked) -> Steps[None]:
        done = yield Command(("systemctl", "restart", unit))
        if not done.is_well:
            raise Refusal(...)

`drive` runs such steps against the real tool; `print_all` prints the commands and runs only those that look. A look
that fails in a dry run is what it is: the engine may not run yet.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic, sleep
from typing import TypeVar

from procession.engines.files import File, replace_file
from procession.recorder.reading.records import Record
from procession.run import Done, read_along, run

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command of an engine's own tool. `given` is its standard input."""

    argv: tuple[str, ...]
    looks: bool = False  # it changes nothing, so a dry run may run it
    shown: bool = False  # its output is what a person asked for: it goes straight to the terminal (logs -f)
    joined: bool = False  # and what it says on stderr is part of that (docker service logs)
    given: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)  # in addition to ours

    def text(self) -> str:
        """As one would type it in a shell."""
        said = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        return " ".join([*said, shlex.join(self.argv)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Await:
    """Look again and again, since the engine has no way to tell. What comes back is the last look, its status 0 if it
    `holds`, TIMED_OUT if it did not in time.
    """

    look: Command
    holds: Callable[[Done], bool]
    within_seconds: float
    what: str  # for a person: "web.1 is ready"
    every_seconds: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """A command that prints log lines, which a person gets to see as our own supervisor shows them; it may go on until
    Ctrl-C. `read` makes records of the lines as they come; a byte that is no UTF-8 is a surrogate in them.
    """

    command: Command
    read: Callable[[Iterable[str]], Iterable[Record]]


@dataclass(frozen=True, slots=True)
class Put:
    """Write a file of ours anew, as `scale` does where the number stands in a file. A hand edit is not looked for."""

    directory: str
    file: File
    owner: str

    @property
    def path(self) -> str:
        return os.path.join(self.directory, self.file.path)


@dataclass(frozen=True, slots=True)
class News:
    """A line for the person who waits: "web.1: ready"."""

    text: str


Step = Command | Await | Show | Put | News
Steps = Generator[Step, Done, T]
TIMED_OUT = 124  # as timeout(1) has it


def drive(steps: Steps[T], say: Callable[[str], None], show: Callable[[Record], None] = print) -> T:
    """Run them all, each to its end; gives what the steps return. What they raise passes through."""
    return _drive(steps, lambda step: _take(step, say, show))


def print_all(steps: Steps[T], say: Callable[[str], None]) -> T:
    """Print each command instead of running it, as if all went well; a command that only looks is run, too."""
    return _drive(steps, lambda step: _pretend(step, say))


def _drive(steps: Steps[T], take: Callable[[Step], Done]) -> T:
    try:
        step = next(steps)
        while True:
            step = steps.send(take(step))
    except StopIteration as end:
        value: T = end.value
        return value


def _take(step: Step, say: Callable[[str], None], show: Callable[[Record], None]) -> Done:
    if isinstance(step, Command):
        return _run(step)
    if isinstance(step, Show):
        return _show(step, show)
    if isinstance(step, Await):
        return _await(step)
    if isinstance(step, Put):
        replace_file(step.path, step.file.marked(step.owner), step.file.mode)
    else:
        say(step.text)
    return Done(0)


def _show(step: Show, show: Callable[[Record], None]) -> Done:
    command = step.command
    return read_along(
        command.argv, lambda lines: _show_each(step.read(lines), show), joined=command.joined,
        environment=_environment(command),
    )  # fmt: skip


def _show_each(records: Iterable[Record], show: Callable[[Record], None]) -> None:
    for record in records:
        show(record)


def _pretend(step: Step, say: Callable[[str], None]) -> Done:
    if isinstance(step, News):
        return Done(0)
    if isinstance(step, Show):
        say(step.command.text())
        return Done(0)
    if isinstance(step, Await):
        say(f"# until {step.what}, for {step.within_seconds:g} s at most: {step.look.text()}")
        return Done(0)
    if isinstance(step, Put):
        say(f"# write {step.path}")
        return Done(0)
    say(step.text())
    return _run(step) if step.looks else Done(0)


def _await(step: Await) -> Done:
    deadline = monotonic() + step.within_seconds
    while True:
        done = _run(step.look)
        if step.holds(done):
            return replace(done, status=0)
        if monotonic() >= deadline:
            return replace(done, status=TIMED_OUT)
        sleep(step.every_seconds)


def _run(command: Command) -> Done:
    return run(
        command.argv, given=command.given, shown=command.shown, joined=command.joined,
        environment=_environment(command),
    )  # fmt: skip


def _environment(command: Command) -> dict[str, str] | None:
    return {**os.environ, **command.environment} if command.environment else None
