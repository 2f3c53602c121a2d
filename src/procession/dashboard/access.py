"""Who may look, and who may do something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from django.http import HttpRequest, HttpResponseBase


@dataclass(frozen=True, slots=True)
class Visitor:
    """`name` is what the history says of who did something."""

    name: str
    may_operate: bool


class Access(Protocol):
    """Lets a visitor in, or says what he gets instead. A site's is in `staff`, that of the link in `token`."""

    def admit(self, request: HttpRequest) -> Visitor | HttpResponseBase: ...
