"""Who may look in a site: its own staff, behind its own login."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, resolve, reverse
from django.urls.exceptions import Resolver404

from procession.control.wire import BY_CHARACTERS_MAX
from procession.dashboard import pages
from procession.dashboard.access import Visitor

VIEW = "procession.view"
OPERATE = "procession.operate"


class SiteAccess:
    """The site's own login: staff with the permission `procession.view`, and `procession.operate` for actions."""

    def admit(self, request: HttpRequest) -> Visitor | HttpResponseBase:
        user = getattr(request, "user", None)
        if user is None:
            return _refused(request, "This site knows no users", "Put AuthenticationMiddleware into MIDDLEWARE.")
        if not user.is_authenticated:
            return HttpResponseRedirect(_login(request))
        if not (user.is_active and user.is_staff and user.has_perm(VIEW)):
            who = user.get_username()
            return _refused(
                request, f"{who} may not see this", f"It is for staff with the permission {VIEW}. An admin gives it."
            )
        return Visitor(printable(user.get_username()), user.has_perm(OPERATE))


def login_url() -> str:
    """The site's; the admin's, where settings.LOGIN_URL leads nowhere, as its default does in a site without one."""
    url = resolve_url(settings.LOGIN_URL)
    try:
        resolve(url)
    except Resolver404:
        try:
            return reverse("admin:login")
        except NoReverseMatch:
            pass
    return url


def _login(request: HttpRequest) -> str:
    url = login_url()
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'next': request.get_full_path()})}"


def printable(name: str) -> str:
    """As the control socket takes it."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:BY_CHARACTERS_MAX]


def _refused(request: HttpRequest, title: str, text: str) -> HttpResponse:
    return pages.render(request, "refused.html", {"title": title, "text": text}, status=403)
