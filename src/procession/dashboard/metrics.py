"""The metrics, for Prometheus: behind a bearer token, or for whoever may see the pages.

A request from loopback is nobody special here: behind a proxy on the same machine, every request comes from there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hmac import compare_digest

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from procession.console.measuring import Measuring
from procession.console.queue_answers import QueueAnswers
from procession.console.site_child import applied_stack
from procession.dashboard.access import Access, Visitor
from procession.dashboard.place import stack_directory
from procession.metrics.exposition import CONTENT_TYPE

TOKEN_SETTING = "PRODUCTION_METRICS_TOKEN"
BEARER = "Bearer "
REFUSED = f"Say the token of settings.{TOKEN_SETTING} (Authorization: Bearer ...), or log in as staff that may look.\n"


def metrics(access: Access) -> Callable[[HttpRequest], HttpResponse]:
    """The view. Who may not look gets 401, and no redirect to a login page: Prometheus cannot log in."""

    @require_safe
    def show(request: HttpRequest) -> HttpResponse:
        if not _may_look(request, access):
            return HttpResponse(REFUSED, "text/plain", status=401, headers={"WWW-Authenticate": "Bearer"})
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return HttpResponse(_measuring(stack_directory()).text(), CONTENT_TYPE, headers=headers)

    return show


def _may_look(request: HttpRequest, access: Access) -> bool:
    said = request.headers.get("Authorization", "")
    if said.startswith(BEARER):
        token = str(getattr(settings, TOKEN_SETTING, "") or "")
        return bool(token) and compare_digest(said.removeprefix(BEARER).encode(), token.encode())
    return isinstance(access.admit(request), Visitor)


@cache
def _measuring(directory: str) -> Measuring:
    """One for each worker of the web server: it remembers when the queues were asked last."""
    return Measuring(directory, QueueAnswers(lambda: applied_stack(directory)))
