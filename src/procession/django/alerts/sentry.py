"""As an event of Sentry, by its own protocol: one POST of an envelope, whose answer is known (develop.sentry.dev).

sentry_sdk would send it from a thread, and tell nobody whether it arrived.
"""

from __future__ import annotations

import json
import os
from urllib.parse import urlsplit

from procession import __version__
from procession.django.alerts import words
from procession.django.alerts.request import Item, Message
from procession.django.alerts.web import NotTaken, post
from procession.stack.model import ALERT_SITE


def send_event(message: Message, dsn: str) -> None:
    """One event for each alert, so that Sentry's own grouping keeps what belongs together. Raises NotTaken."""
    dsn = _known_dsn() if dsn == ALERT_SITE else dsn
    parts = urlsplit(dsn)
    prefix, _, project = parts.path.rpartition("/")
    host = parts.netloc.rpartition("@")[2]
    if not parts.username or not project:
        raise NotTaken("no DSN is known: set SENTRY_DSN, or write it")
    url = f"{parts.scheme}://{host}{prefix}/api/{project}/envelope/"
    key = f"Sentry sentry_version=7, sentry_client=procession/{__version__}, sentry_key={parts.username}"
    headers = {"Content-Type": "application/x-sentry-envelope", "X-Sentry-Auth": key}
    for number, item in enumerate(message.items or (None,)):
        post(url, _envelope(_event(message, item, number)), headers)


def _known_dsn() -> str:
    """That of the site's sentry_sdk, which its settings have begun; else SENTRY_DSN."""
    try:
        import sentry_sdk

        return sentry_sdk.get_client().dsn or os.environ.get("SENTRY_DSN", "")
    except (ImportError, AttributeError):
        return os.environ.get("SENTRY_DSN", "")


def _envelope(event: dict[str, object]) -> bytes:
    lines = ({"event_id": event["event_id"]}, {"type": "event", "content_type": "application/json"}, event)
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _event(message: Message, item: Item | None, number: int) -> dict[str, object]:
    """The event id is the same when the message is sent again: Sentry keeps one of the two."""
    is_open = item is not None and item.state == "open"
    event_id = f"{message.id}{number:04x}".rjust(32, "0")[-32:]
    tags = {"site": message.site, "process": item.process, "state": item.state} if item else {"site": message.site}
    return {
        "event_id": event_id,
        "timestamp": message.at,
        "platform": "other",
        "logger": "procession",
        "level": "error" if is_open else "info",
        "server_name": message.host,
        "release": message.release or None,
        "fingerprint": ["procession", message.site, item.process if item else "test", item.state if item else "test"],
        "tags": tags,
        "message": {"formatted": words.summary(item) if item else words.title(message)},
        "extra": {"text": words.text(message)},
    }
