"""`procession up`: the whole site runs, and this says when, or why not."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from procession.console import declared, launch, talk, text, views
from procession.control.client import Client
from procession.refusal import ExitCode, Refusal

SUMMARY = "Run the site: start what is declared, wait until it is ready, follow the logs"
EXAMPLES = ("procession up", "procession up -d --timeout 2m")
DETAILS = """\
Ctrl-C stops everything in order; a second Ctrl-C kills what is left. Where a supervisor runs already, `up` makes it
run what is declared now and starts what was stopped, and Ctrl-C ends the view alone. With -d it returns when all is
ready. With mistakes in the declaration nothing changes: what was running keeps running, and the exit code is 1."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    declared.add_arguments(parser)
    parser.add_argument("-d", "--detach", action="store_true", help="return when all is ready; the site runs on")
    talk.add_wait_arguments(parser)


def run(options: argparse.Namespace) -> int:
    loaded = declared.load_or_say(options)
    if loaded is None or loaded.data is None:
        return ExitCode.NOT_SO
    client, is_new = _client(options)
    request = {"stack": declared.to_apply(loaded, options), "start": True}
    with client:
        if options.detach:
            code = talk.ask(client, "apply", request, options)
            if code == ExitCode.DONE and options.wait:
                text.say(summary(loaded.data))
            return code
        from procession.console.attached import Attached  # here, because -d does not need it

        return Attached(client, options, owns=is_new, ready=summary(loaded.data)).run(request)


def summary(stack: Mapping[str, Any]) -> str:
    """`mysite is up: web on http://localhost:8000/`: what a person does next is to look at it."""
    places = [
        f"{process['name']} on {', '.join(views.address(listener['bind']) for listener in process['listeners'])}"
        for process in stack["processes"]
        if process["listeners"]
    ]
    return f"{stack['name']} is up" + (f": {'; '.join(places)}" if places else "")


def _client(options: argparse.Namespace) -> tuple[Client, bool]:
    """A connection, to a supervisor that was there or to a new one; True if it is new."""
    try:
        return Client(options.stack_directory), False
    except Refusal as refusal:
        if refusal.code != ExitCode.NO_SUPERVISOR:
            raise
    launch.start_supervisor(options.stack_directory)
    return Client(options.stack_directory), True
