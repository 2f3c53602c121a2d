"""The middleware that answers the two health endpoints. It looks at the path, and at nothing else of a request.

What must hold: it is never the reason why a request fails; it answers before anything else of the site is asked
(ALLOWED_HOSTS, a redirect to https, sessions); it tells strangers one word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from procession.django.health.checks import chosen
from procession.django.health.options import LOOPBACK, SETTING, STAFF, read_options
from procession.django.health.rounds import Answer, Rounds, describe
from procession.django.health.staff import is_staff

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REAL_IP", "HTTP_VIA")
"""What a proxy says of whom it asks for: then the one who asks is not on this machine, though his request is."""


class HealthMiddleware:
    """For MIDDLEWARE, as its first; under WSGI and ASGI. Raises ImproperlyConfigured for a wrong PRODUCTION_HEALTH."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        self._options = read_options(getattr(settings, SETTING, {}))
        self._rounds: Rounds | None = None
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if request.path_info not in (self._options.live, self._options.ready) or not request.path_info:
            return self._get_response(request)
        return self._answer_async(request) if self._is_async else self._answer(request)

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        return await asyncio.to_thread(self._answer, request)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
        if request.path_info == self._options.live:
            return _say("live", status=200)
        answers = self._ask()
        is_ready = all(answer.is_well for answer in answers)
        details = answers if self._sees_details(request, answers) else ()
        return _say("ready" if is_ready else "unready", *details, status=200 if is_ready else 503)

    def _ask(self) -> tuple[Answer, ...]:
        """The questions are put together at the first request: by then the whole site is loaded."""
        if self._rounds is None:
            try:
                self._rounds = self._begin()
            except Exception as error:  # noqa: BLE001 - a task runner's app, or a check of the site, that does not load
                return (Answer("checks", describe(error), 0.0),)
        return self._rounds.answers()

    def _begin(self) -> Rounds:
        options = self._options
        questions = chosen(options.checks, options.timeout_seconds)
        return Rounds(questions, timeout_seconds=options.timeout_seconds, fresh_seconds=options.fresh_seconds)

    def _sees_details(self, request: HttpRequest, answers: tuple[Answer, ...]) -> bool:
        """Who is staff is asked of the database: not while that is away, which the others would wait for."""
        who = self._options.details
        if LOOPBACK in who and is_local(request):
            return True
        has_database = all(answer.is_well for answer in answers if answer.name.startswith("database"))
        return STAFF in who and has_database and is_staff(request)


def is_local(request: HttpRequest) -> bool:
    """From this machine, and for nobody else: over loopback or a unix socket, and no proxy has said whom it is for."""
    if any(name in request.META for name in FORWARDED):
        return False
    address = str(request.META.get("REMOTE_ADDR") or "")
    try:
        return not address or ip_address(address).is_loopback
    except ValueError:
        return False  # a server's own word for a unix socket, or a name: not known


def _say(word: str, *answers: Answer, status: int) -> HttpResponse:
    body: dict[str, object] = {"status": word}
    if answers:
        body["checks"] = {
            answer.name: {"status": "ok" if answer.is_well else answer.trouble, "seconds": round(answer.seconds, 4)}
            for answer in answers
        }
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})
