"""A request of a client, as the command that the core understands. Every field is looked at here, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from procession.control.wire import BY_CHARACTERS_MAX, Message
from procession.stack.codec import from_data
from procession.stack.model import Stack
from procession.supervisor.core.events import Apply, Command, Down, Reload, Restart, Roll, Scale, Send, Start, Stop
from procession.supervisor.linux.signals import signal_number


class BadRequest(ValueError):
    """The text says which field is wrong, and how."""


def to_command(message: Message, operation: int, who: str) -> Command:
    """The command of a checked request (see `wire`), with verb other than status and watch. Raises BadRequest."""
    return COMMANDS[message["verb"]](message, operation, who)


def to_who(message: Message, peer: str) -> str:
    """Who asks, for the history: `peer` is what the kernel says of the client, `by` what the client says.

    Raises BadRequest for a name that is too long, or could be taken for something else where it is read.
    """
    by = message.get("by", "")
    if not isinstance(by, str) or len(by) > BY_CHARACTERS_MAX or not by.isprintable():
        raise BadRequest(f"by: expected a name of at most {BY_CHARACTERS_MAX} printable characters, got {by!r:.200}")
    return f"{by}, through {peer}" if by else peer


def to_program(message: Message) -> list[str]:
    """What an upgrade is to start: an interpreter with its options, and a script. Raises BadRequest."""
    program = message.get("program")
    if not isinstance(program, list) or not all(isinstance(word, str) and word for word in program):
        raise BadRequest(f"program: expected a list of words, got {program!r}")
    return program


def _apply(message: Message, operation: int, who: str) -> Command:
    try:
        stack = from_data(Stack, message.get("stack"))
    except (TypeError, ValueError) as error:
        raise BadRequest(f"stack: {error}") from error
    return Apply(stack, operation, message.get("start") is True, who)


def _scale(message: Message, operation: int, who: str) -> Command:
    counts = message.get("counts")
    if not isinstance(counts, dict) or not all(type(count) is int for count in counts.values()):
        raise BadRequest(f"counts: expected process names with numbers, got {counts!r}")
    return Scale(counts, operation, who)


def _signal(message: Message, operation: int, who: str) -> Command:
    try:
        number = signal_number(str(message.get("signal")))
    except ValueError as error:
        raise BadRequest(f"signal: {error}") from error
    return Send(_names(message), number.name.removeprefix("SIG"), operation, who)


def _names(message: Message) -> tuple[str, ...]:
    names = message.get("names", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadRequest(f"names: expected a list of names, got {names!r}")
    return tuple(names)


COMMANDS: Final[Mapping[str, Callable[[Message, int, str], Command]]] = {
    "apply": _apply,
    "start": lambda message, operation, who: Start(_names(message), operation, who),
    "stop": lambda message, operation, who: Stop(_names(message), operation, who),
    "restart": lambda message, operation, who: Restart(_names(message), operation, who),
    "roll": lambda message, operation, who: Roll(_names(message), operation, who),
    "reload": lambda message, operation, who: Reload(_names(message), operation, who),
    "scale": _scale,
    "signal": _signal,
    "down": lambda _, operation, who: Down(operation, who),
}
