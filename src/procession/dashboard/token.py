"""Who may look where there is no site: whoever has the link that `procession dashboard` prints. It works once."""

from __future__ import annotations

import secrets

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect

from procession.dashboard import pages
from procession.dashboard.access import Visitor

TOKEN_BYTES = 24


class TokenAccess:
    """The token in the link is taken for a cookie, and is worth nothing from then on."""

    def __init__(self, visitor: Visitor, cookie: str) -> None:
        """`cookie` is the name of ours: cookies of one host know no ports, so it should tell two dashboards apart."""
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self._visitor = visitor
        self._cookie = cookie
        self._secret = secrets.token_urlsafe(TOKEN_BYTES)
        self._is_used = False

    def admit(self, request: HttpRequest) -> Visitor | HttpResponseBase:
        if not _is_our_name(request):
            return HttpResponse("This is 127.0.0.1, and goes by no other name.\n", "text/plain", status=400)
        if _same(request.COOKIES.get(self._cookie, ""), self._secret):
            return self._visitor
        if request.method == "GET" and not self._is_used and _same(request.GET.get("token", ""), self.token):
            self._is_used = True
            return self._let_in(request)
        return _refused(request)

    def _let_in(self, request: HttpRequest) -> HttpResponse:
        """Without the token in the address bar, where it would be copied along."""
        response = HttpResponseRedirect(request.path, headers={"Cache-Control": "no-store"})
        response.set_cookie(self._cookie, self._secret, httponly=True, samesite="Lax")
        return response


def _is_our_name(request: HttpRequest) -> bool:
    """Not somebody else's that leads to us (DNS rebinding): his pages would be of our origin."""
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True


def _same(given: str, known: str) -> bool:
    return secrets.compare_digest(given.encode(), known.encode())


def _refused(request: HttpRequest) -> HttpResponse:
    facts = {
        "title": "The link is needed",
        "text": "Open the link that procession dashboard has printed. It works once, in one browser.",
    }
    return pages.render(request, "refused.html", facts, status=403)
