"""By Apprise, which knows a hundred services: Slack, Mattermost, Matrix, Telegram, Pushover, ..."""

from __future__ import annotations

import logging

from procession.django.alerts import words
from procession.django.alerts.request import Message
from procession.django.alerts.web import NotTaken

TEXT_CHARACTERS_MAX = 1900  # Discord takes 2000, others less of what is longer


def push(message: Message, url: str) -> None:
    """Raises NotTaken."""
    try:
        import apprise
    except ImportError:
        raise NotTaken("apprise is not installed: pip install 'procession[alerts]'") from None
    service = apprise.Apprise()
    if not service.add(url):
        raise NotTaken("Apprise does not understand its URL")
    text = words.text(message)
    kind = _kind(message)
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:  # type: ignore[no-untyped-call]
        is_taken = service.notify(
            title=words.title(message), body=text[:TEXT_CHARACTERS_MAX], notify_type=kind, body_format="text"
        )
    if not is_taken:
        raise NotTaken(words.one_line(said.getvalue())[:300] or "Apprise could not deliver it")


def _kind(message: Message) -> str:
    """What colours it, where the service has colours."""
    if message.is_test:
        return "info"
    return "failure" if any(item.state == "open" for item in message.items) else "success"
