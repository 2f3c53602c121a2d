"""`procession down`: stop everything in order, then the supervisor ends."""

from __future__ import annotations

import argparse

from procession.console import talk, text
from procession.control.client import Client, was_cut_off
from procession.refusal import ExitCode, Refusal

SUMMARY = "Stop everything in order, and the supervisor"
DETAILS = """\
What depends on others goes first. Each has its time to finish (STOP_TIMEOUT); what is waited for is said. Afterwards
nothing of the site is left, or it is said what is. Logs and history stay."""
EXAMPLES = ("procession down",)
END_SECONDS_MAX = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    talk.add_wait_arguments(parser)


def run(options: argparse.Namespace) -> int:
    try:
        client = Client(options.stack_directory)
    except Refusal as refusal:
        if refusal.code != ExitCode.NO_SUPERVISOR or not was_cut_off(options.stack_directory):
            raise
        client = _revived(options.stack_directory)
    with client:
        return bring_down(client, options)


def bring_down(client: Client, options: argparse.Namespace) -> int:
    """Ask for the end, and wait for it as `options` say."""
    code = talk.ask(client, "down", {}, options)
    if options.wait and not client.wait_for_end(timeout_seconds=END_SECONDS_MAX):
        raise Refusal("everything is stopped, but the supervisor does not end", code=ExitCode.TIMED_OUT)
    return code


def _revived(stack_directory: str) -> Client:
    """Processes outlive their supervisor: it takes another one to find and stop them."""
    from procession.console.launch import start_supervisor  # here, because it is seldom needed

    text.say("the last supervisor did not end in order; starting one that takes over what it ran")
    start_supervisor(stack_directory)
    return Client(stack_directory)
