"""Ask the supervisor for something that takes time: say what changes meanwhile, and what did not come about."""

from __future__ import annotations

import argparse
import sys

from procession.console import text
from procession.console.waiting import Waiting
from procession.control import wire
from procession.control.client import Answer, Client
from procession.refusal import ExitCode, Refusal


def add_wait_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="wait until it is done (default), or only until the supervisor has accepted it",
    )
    parser.add_argument(
        "--timeout", metavar="TIME", type=duration, help='wait so long at most, as in "90s" or "5m"; then exit 5'
    )


def add_names_arguments(parser: argparse.ArgumentParser) -> None:
    """NAME... or --all: one of them must be said, so that a forgotten name does not touch the whole site."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a process (web) or one instance of it (web.2)")
    parser.add_argument("--all", action="store_true", help="every process")


def duration(written: str) -> float:
    """A duration option. Raises ValueError, which argparse turns into wrong usage."""
    from procession.units import seconds

    return seconds(written)


def chosen_names(options: argparse.Namespace) -> list[str]:
    """The names given, empty for --all. Raises Refusal for neither or both."""
    if bool(options.names) == options.all:
        raise Refusal("say which: NAME..., or --all", code=ExitCode.USAGE)
    return list(options.names)


def perform(verb: str, fields: wire.Message, options: argparse.Namespace) -> int:
    """Ask, wait as `options` say, report; that nothing had to be done, too. Gives the exit code. Raises Refusal."""
    with Client(options.stack_directory) as client:
        return ask(client, verb, fields, options, idle="nothing to do")


def ask(client: Client, verb: str, fields: wire.Message, options: argparse.Namespace, *, idle: str = "") -> int:
    """The same on a connection that is there already. `idle` is said when it is done and nothing had to change."""
    waiting = Waiting(no_color=options.no_color)
    request = {**fields, "wait": options.wait}
    try:
        answer = client.call(verb, request, listener=waiting, timeout_seconds=options.timeout)
    except Refusal as refusal:
        if refusal.code == ExitCode.TIMED_OUT:
            waiting.say_awaited()
        raise
    finally:
        waiting.clear()
    if not answer.done:
        show_last_lines(waiting, options)
    say_answer(answer, options)
    if idle and options.wait and answer.done and not (answer.text or waiting.has_spoken):
        text.say(idle)
    return answer.code


def show_last_lines(waiting: Waiting, options: argparse.Namespace) -> None:
    """What those in trouble have said last; before the error, which comes last."""
    from procession.console import lastlines  # here, because only trouble needs it

    lastlines.show(waiting.troubled(), options, sys.stderr)


def say_answer(answer: Answer, options: argparse.Namespace) -> None:
    ink = text.Ink(sys.stderr, no_color=options.no_color)
    for line in answer.text:
        text.say(line if answer.done else f"{ink('red', 'error:')} {line}")
