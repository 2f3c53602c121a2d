"""`procession alert`: what people were told of and is not over; with --test, whether a message would arrive."""

from __future__ import annotations

import argparse
import json
import os
import sys

from procession.console import declared, text
from procession.control import wire
from procession.refusal import ExitCode, Refusal
from procession.units import show_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.stack.model import Alerts, Stack

SUMMARY = "Show the alerts that are open, or send a test to whoever ALERTS names"
DETAILS = """\
--test reads the declaration as it is now, and sends a message by each of its channels, as the supervisor would.
Exit codes: 0 nothing is open, or the test has gone out by every channel, 1 otherwise, 3 no supervisor is there."""
EXAMPLES = ("procession alert", "procession alert --test")
TEST_SECONDS_MAX = 60.0
ANSWER_SECONDS_MAX = 10.0
NOT_DECLARED = 'PRODUCTION_STACK = {"ALERTS": {"EMAIL": true}}, or "WEBHOOK": "https://..."; see docs/how-to/alerts'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    declared.add_arguments(parser)
    parser.add_argument("--test", action="store_true", help="send a test message by every channel")
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(options: argparse.Namespace) -> int:
    return _test(options) if options.test else _show(options)


def _show(options: argparse.Namespace) -> int:
    from procession.control.client import Client

    with Client(options.stack_directory) as client:
        data = client.call("status", timeout_seconds=ANSWER_SECONDS_MAX).data
    alerts = data["supervisor"].get("alerts")
    if alerts is None:
        raise Refusal("what runs declares no ALERTS", NOT_DECLARED)
    print(json.dumps(alerts, indent=2) if options.json else "\n".join(lines(alerts) or ["No alert is open."]))
    return ExitCode.NOT_SO if alerts["open"] else ExitCode.DONE


def lines(alerts: wire.Message) -> list[str]:
    """What is open, and what did not get through: a line each."""
    return [*map(_open, alerts["open"]), *undelivered(alerts)]


def _open(one: wire.Message) -> str:
    """`web: crash-looping, since 12 min`"""
    about, kinds = one["process"] or "the disk", ", ".join(one["kinds"])
    is_mending = "; well again, and watched" if one["stage"] == "mending" else ""
    return f"{about}: {kinds}, since {show_seconds(one['age_seconds'])}{is_mending}"


def undelivered(alerts: wire.Message) -> list[str]:
    """`alert not sent by email: mail.example.com:25: Connection refused; tried 3 times, again in 42 s`"""
    return [
        f"alert not sent by {channel}: {why}; tried {text.plural(one['attempts'], 'time')},"
        f" again in {show_seconds(one['again_seconds'])}"
        for one in alerts["undelivered"]
        for channel, why in one["trouble"].items()
    ]


def _test(options: argparse.Namespace) -> int:
    from procession.stack.channels import channels

    loaded = declared.load_or_say(options)
    if loaded is None:
        return ExitCode.NOT_SO
    stack = loaded.stack()
    if stack.alerts is None:
        raise Refusal("the declaration has no ALERTS", NOT_DECLARED)
    results = _send(stack, stack.alerts, [channel.name for channel in channels(stack.alerts)], options)
    if options.json:
        print(json.dumps(results, indent=2, ensure_ascii=False))
    else:
        for name, why in results.items():
            print(f"{name}: {'sent' if not why else f'not sent: {why}'}")
    return ExitCode.NOT_SO if any(results.values()) else ExitCode.DONE


def _send(stack: Stack, alerts: Alerts, names: list[str], options: argparse.Namespace) -> dict[str, str]:
    """By channel: why it did not go out; "" if it did."""
    import subprocess

    request = json.dumps(_request(stack, alerts, names, options))
    try:
        child = subprocess.run(
            stack.alerter, input=request.encode(), capture_output=True, timeout=TEST_SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Refusal(f"no answer within {TEST_SECONDS_MAX:g} s", code=ExitCode.TIMED_OUT) from error
    said = [json.loads(line) for line in child.stdout.splitlines() if line.startswith(b"{")]
    found = {one["channel"]: one["why"] for one in said}
    if not found:
        sys.stderr.write(child.stderr.decode(errors="replace"))
        raise Refusal(f"the sender ended with {child.returncode}, without a word")
    return {name: found.get(name, "it ended without a word") for name in names}


def _request(stack: Stack, alerts: Alerts, names: list[str], options: argparse.Namespace) -> dict[str, object]:
    from time import time

    from procession.stack.codec import to_data

    message = {
        "id": os.urandom(14).hex(), "site": stack.name, "host": os.uname().nodename, "at": time(), "items": [],
        "is_test": True,
    }  # fmt: skip
    return {
        "message": message,
        "directory": stack.directory,
        "stack_directory": options.stack_directory,
        "alerts": to_data(alerts),
        "channels": names,
    }
