"""What one may have done: each verb, what it means in words, and the asking of the supervisor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from procession.control.client import Answer, Client
from procession.control.wire import Message, WireError
from procession.refusal import ExitCode, Refusal

ANSWER_SECONDS_MAX = 10.0  # for what is answered at once
REFUSED_WITHIN_SECONDS = 0.5  # what the supervisor refuses, it refuses at once; the rest goes on without us


@dataclass(frozen=True, slots=True)
class Verb:
    """`means` says what will happen to {name}; `is_hard`: something is not there meanwhile, or afterwards."""

    title: str
    means: str
    is_hard: bool = False


VERBS: Final[Mapping[str, Verb]] = {
    "start": Verb("Start", "What is stopped of {name}, or has failed, is started."),
    "stop": Verb("Stop", "{name} finishes its work and ends; it stays so until somebody starts it.", is_hard=True),
    "restart": Verb(
        "Restart",
        "Each instance of {name} gets a new life: beside the old one where that can be, else the old one ends first.",
        is_hard=True,
    ),
    "roll": Verb(
        "Roll",
        "Instances of {name} are replaced one by one, each new one ready before the old one goes. No connection is"
        " refused; a new one that does not become ready leaves the old one serving.",
    ),
    "scale": Verb("Scale", "So many instances of {name} run, until another number is declared."),
}


def status(directory: str) -> Message:
    """The data of `status`. Raises Refusal: no supervisor, or none for us, or one that we do not understand."""
    try:
        with Client(directory) as client:
            answer = client.call("status", timeout_seconds=ANSWER_SECONDS_MAX)
    except WireError as error:
        raise Refusal(f"the supervisor's answer makes no sense: {error}", "procession upgrade") from error
    if not answer.done:
        raise Refusal("; ".join(answer.text) or "the supervisor gave no status", code=ExitCode(answer.code))
    return answer.data


def perform(directory: str, verb: str, fields: Message, *, by: str = "") -> list[str]:
    """Have it done, in that person's name. Gives why it is not; [] when it is done, or under way. Raises Refusal."""
    named: Message = {"by": by} if by else {}
    with Client(directory) as client:
        try:
            answer = client.call(verb, {**fields, **named}, timeout_seconds=REFUSED_WITHIN_SECONDS)
        except Refusal as refusal:
            if refusal.code == ExitCode.TIMED_OUT:
                return []
            raise
    return _complaints(answer)


def _complaints(answer: Answer) -> list[str]:
    return [] if answer.done else answer.text or ["It was refused, without a reason."]
