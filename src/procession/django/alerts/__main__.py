"""`python -m procession.django.alerts [SETTINGS]`: a short-lived child in the site's Python that sends one message.

It reads a request (see `request`) on stdin, and says on stdout what came of it, a line for each channel as soon as it
is known, "" for what got through:

    {"channel": "email", "why": ""}
    {"channel": "webhook hooks.example.com", "why": "it answered 503"}

All channels are tried at once, so that one that hangs takes nothing from the others; who has not answered when the time
is over is said to have not. It ends by itself then, whether a supervisor is there or not: exit code 0, whatever came
of it, or SIGALRM.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from time import monotonic
from typing import Final

from procession.django.alerts import mail, push, sentry, words
from procession.django.alerts.evidence import complete
from procession.django.alerts.request import Message, Request, read_request
from procession.django.alerts.web import NotTaken, post_json
from procession.django.site import SETTINGS, run_to_handover
from procession.owner import acting_as_owner_of
from procession.stack.channels import Channel, Means
from procession.stack.hidden import hide_in_line

CHANNEL_SECONDS = 30.0  # for all of them together, as they go side by side
ALARM_SECONDS = 45  # for everything; whoever started us waits a little longer
WHY_CHARACTERS_MAX = 300

Send = Callable[[Message, Channel, Request], None]
SEND: Final[Mapping[Means, Send]] = {
    Means.EMAIL: lambda message, channel, _: mail.send_mail(message, channel.to),
    Means.WEBHOOK: lambda message, channel, request: post_json(
        channel.to[0], words.as_json(message), request.alerts.webhook_secret
    ),
    Means.APPRISE: lambda message, channel, _: push.push(message, channel.to[0]),
    Means.SENTRY: lambda message, channel, _: sentry.send_event(message, channel.to[0]),
}


def main(arguments: list[str]) -> None:
    """Send what stdin says."""
    signal.alarm(ALARM_SECONDS)
    began = monotonic()
    report = _keep_stdout()
    request = read_request(json.load(sys.stdin))
    message = complete(request, os.environ)  # as who we are: the logs are the supervisor's alone
    with acting_as_owner_of(request.directory):
        _prepare(arguments[0] if arguments else "", request)
        _send_all(message, request, report, began)


def _keep_stdout() -> int:
    """A descriptor for our report; what the site prints while it is imported goes nowhere near it."""
    report = os.dup(1)
    os.dup2(2, 1)
    return report


def _prepare(settings: str, request: Request) -> None:
    """Be where the site is, and do what its manage.py does before Django takes over: it may read an env file. What it
    raises, the channels that need it will say: the others do not need it.
    """
    os.chdir(request.directory)
    sys.path.insert(0, request.directory)
    if settings:
        os.environ[SETTINGS] = settings
        try:
            run_to_handover(os.path.join(request.directory, "manage.py"))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the site's code may do anything, sys.exit() included
            print(f"manage.py: {error!r}", file=sys.stderr)


def _send_all(message: Message, request: Request, report: int, began: float) -> None:
    wanted = request.wanted()
    pool = ThreadPoolExecutor(max(1, len(wanted)))
    going = {pool.submit(_send, message, channel, request): channel for channel in wanted}
    try:
        for future in as_completed(list(going), timeout=max(0.0, CHANNEL_SECONDS - (monotonic() - began))):
            _tell(report, going.pop(future).name, future.result())
    except TimeoutError:
        for channel in going.values():
            _tell(report, channel.name, f"no answer within {CHANNEL_SECONDS:g} s")
    os._exit(0)  # without waiting for a thread that hangs


def _send(message: Message, channel: Channel, request: Request) -> str:
    """Why it did not get through; "" if it did."""
    try:
        SEND[channel.means](message, channel, request)
    except NotTaken as error:
        return str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the site's settings, and whatever sends its mail
        return f"{type(error).__name__}: {error}"
    return ""


def _tell(report: int, channel: str, why: str) -> None:
    """In one write(2): a line is there as a whole, or not at all."""
    why = hide_in_line(words.one_line(why))[:WHY_CHARACTERS_MAX]
    os.write(report, json.dumps({"channel": channel, "why": why}).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
