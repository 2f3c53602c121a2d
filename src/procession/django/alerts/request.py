"""What the supervisor hands over on stdin, and what is told of it: plain JSON data, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from procession.stack.channels import Channel, channels
from procession.stack.codec import from_data
from procession.stack.model import Alerts


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is the matter with one instance ("" for the whole stack); `lines` are the last that it has said."""

    kind: str
    instance: str
    said: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One alert as it stands: "open", "recovered" or "stopped". Times are seconds since 1970."""

    id: str
    process: str  # "" for what is about the whole stack
    state: str
    began: float
    at: float
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`id` is the same when it is sent again."""

    id: str
    site: str
    host: str
    at: float
    items: tuple[Item, ...]
    is_test: bool = False
    release: str = ""
    directory: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    message: Message
    directory: str  # the project's
    stack_directory: str
    alerts: Alerts
    channels: tuple[str, ...] = field(default_factory=tuple)  # the names of those that have not had it yet

    def wanted(self) -> list[Channel]:
        return [channel for channel in channels(self.alerts) if channel.name in self.channels]


def read_request(data: Mapping[str, Any]) -> Request:
    """Raises TypeError or ValueError for data of another shape."""
    request = from_data(Request, data)
    message = replace(request.message, directory=request.directory)
    return replace(request, message=message)
