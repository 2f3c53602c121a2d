"""The channels that ALERTS name: each has a name that people see, and no secret in it. Light: the supervisor asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from procession.stack.model import Alerts


class Means(StrEnum):
    """By which a message goes out."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    APPRISE = "apprise"
    SENTRY = "sentry"


@dataclass(frozen=True, slots=True)
class Channel:
    """`name` is what people see: "email", "webhook hooks.example.com"; `to` the address, which may be a secret."""

    name: str
    means: Means
    to: tuple[str, ...]


def channels(alerts: Alerts) -> tuple[Channel, ...]:
    """All of them, each under a name of its own. One e-mail goes to all its addresses."""
    found = [Channel("email", Means.EMAIL, alerts.email)] if alerts.email else []
    found += [Channel(f"webhook {_host(url)}", Means.WEBHOOK, (url,)) for url in alerts.webhook]
    found += [Channel(f"apprise {url.partition(':')[0]}", Means.APPRISE, (url,)) for url in alerts.apprise]
    found += [Channel("sentry", Means.SENTRY, (alerts.sentry,))] if alerts.sentry else []
    return tuple(_told_apart(found))


def _told_apart(found: list[Channel]) -> list[Channel]:
    """Two of one name become "webhook hooks.example.com", "webhook hooks.example.com (2)"."""
    seen: dict[str, int] = {}
    apart = []
    for channel in found:
        count = seen[channel.name] = seen.get(channel.name, 0) + 1
        apart.append(channel if count == 1 else replace(channel, name=f"{channel.name} ({count})"))
    return apart


def _host(url: str) -> str:
    """Of "https://user:password@host:443/path". By hand: urllib.parse would stay in the supervisor's memory."""
    place = url.partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[2]
    return place.partition("]")[0].lstrip("[") if place.startswith("[") else place.partition(":")[0]
