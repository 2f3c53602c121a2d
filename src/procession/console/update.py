"""`procession update`: read the declaration again, show what is different, and change only that."""

from __future__ import annotations

import argparse
import json
import os

from procession.console import declared, talk, text
from procession.control.client import Client
from procession.refusal import ExitCode, Refusal
from procession.stack import diff
from procession.stack.codec import from_data
from procession.stack.model import Stack
from procession.supervisor.core.roll import can_roll

SUMMARY = "Read the declaration again, show the difference, apply only that"
EXAMPLES = ("procession update --dry-run", "procession update")
DETAILS = """\
With mistakes in it nothing changes, and the exit code is 1. What a person stopped stays stopped.
What changed is rolled where it can be, else restarted; tasks run again first, and what depends on one that fails goes
on as it was."""
UNCHANGED = "nothing was changed; what was running keeps running"
RUNNING_NAME = "stack.json"  # the supervisor keeps what it runs there


def add_arguments(parser: argparse.ArgumentParser) -> None:
    declared.add_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="show the difference and stop there")
    talk.add_wait_arguments(parser)


def run(options: argparse.Namespace) -> int:
    with Client(options.stack_directory) as client:
        loaded = _load(options)
        if loaded is None:
            text.say(UNCHANGED)
            return ExitCode.NOT_SO
        lines = diff.lines(diff.diff(running(options.stack_directory), loaded.stack(), can_roll))
        print("\n".join(lines or ["nothing is different"]), flush=True)
        if options.dry_run or not lines:
            return ExitCode.DONE
        return talk.ask(client, "apply", {"stack": declared.to_apply(loaded, options), "start": False}, options)


def _load(options: argparse.Namespace) -> declared.Loaded | None:
    try:
        return declared.load_or_say(options)
    except Refusal as refusal:
        fix = f"{refusal.fix}\n    {UNCHANGED}" if refusal.fix else UNCHANGED
        raise Refusal(refusal.what, fix, code=refusal.code) from refusal


def running(stack_directory: str) -> Stack | None:
    """What the supervisor runs, as it has written it down; None before anything was applied."""
    try:
        with open(os.path.join(stack_directory, RUNNING_NAME), "rb") as file:
            return from_data(Stack, json.load(file))
    except (OSError, TypeError, ValueError):
        return None
