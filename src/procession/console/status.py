"""`procession status`: what every instance does, and why one that is not ready is not."""

from __future__ import annotations

import argparse
import json
import sys

from procession.console import text, views
from procession.control import wire
from procession.control.client import Client
from procession.refusal import ExitCode

SUMMARY = "Show what every instance does"
EXAMPLES = ("procession status", "procession status --watch web")
DETAILS = """\
Exit codes: 0 all that should run is ready, 1 something is not, 3 no supervisor is there.
MEMORY is that of the instance's whole tree; what its processes share is counted once."""
ANSWER_SECONDS_MAX = 10.0
WATCH_TICK_SECONDS = 1.0
CLEAR = "\x1b[H\x1b[J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these processes or instances")
    parser.add_argument("-w", "--watch", action="store_true", help="show it again whenever something changes")
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(options: argparse.Namespace) -> int:
    with Client(options.stack_directory) as client:
        if options.watch:
            return _watch(client, options)
        return _show(_ask(client, options.names), options)


def _ask(client: Client, names: list[str]) -> wire.Message:
    answer = client.call("status", timeout_seconds=ANSWER_SECONDS_MAX)
    return views.chosen(answer.data, names)


def _show(data: wire.Message, options: argparse.Namespace) -> int:
    if options.json:
        print(json.dumps(views.with_memory(data), indent=2, ensure_ascii=False))
    else:
        ink = text.Ink(sys.stdout, no_color=options.no_color)
        print("\n".join(views.status_lines(data, ink)))
        _show_last_lines(data, options)
    return ExitCode.DONE if views.is_well(data) else ExitCode.NOT_SO


def _show_last_lines(data: wire.Message, options: argparse.Namespace) -> None:
    troubled = [view for view in data["instances"] if views.is_troubled(view)]
    if troubled:
        from procession.console import lastlines  # here, because only trouble needs it

        lastlines.show(troubled, options, sys.stdout)


def _watch(client: Client, options: argparse.Namespace) -> int:
    """Redraw on every change, and each second for the times. Ends with Ctrl-C, or with the supervisor."""
    with Client(options.stack_directory) as changes:
        changes.ask("watch")
        for _ in changes.messages(tick_seconds=WATCH_TICK_SECONDS):
            print(CLEAR, end="")
            _show(_ask(client, options.names), options)
            sys.stdout.flush()
    return ExitCode.NO_SUPERVISOR
