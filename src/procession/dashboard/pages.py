"""Pages out of templates, in an engine of our own: autoescape is on, whatever the site has chosen for its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from hashlib import sha256

from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template import Context, Engine
from django.urls import reverse

FOLDER = os.path.dirname(__file__)
ASSETS = {"dashboard.css": "text/css; charset=utf-8", "dashboard.js": "text/javascript; charset=utf-8"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",  # what a log says is for who asked
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
FOREVER = "public, max-age=31536000, immutable"  # its name changes when it does
PART = "live"


def render(request: HttpRequest, template: str, facts: Mapping[str, object], *, status: int = 200) -> HttpResponse:
    """A whole page, or its part that changes, when that is what is asked for (`?part=live`)."""
    is_part = request.GET.get("part") == PART
    context = Context(
        {
            **facts,
            "base": "part.html" if is_part else "page.html",
            "css": asset_url("dashboard.css"),
            "js": asset_url("dashboard.js"),
            "path": request.path,
            "csrf_token": get_token(request),
        },
        use_l10n=False,  # a pid has no thousands
    )
    text = _engine().get_template(template).render(context)
    return HttpResponse(text, status=status, headers=HEADERS)


def asset(_request: HttpRequest, digest: str, name: str) -> HttpResponse:
    """One of our two files. For everybody: a page that refuses has its looks, too."""
    if name not in ASSETS or digest != _asset(name)[0]:
        raise Http404
    headers = {"Cache-Control": FOREVER, "X-Content-Type-Options": "nosniff"}
    return HttpResponse(_asset(name)[1], content_type=ASSETS[name], headers=headers)


def asset_url(name: str) -> str:
    return reverse("procession:asset", args=[_asset(name)[0], name])


@cache
def _asset(name: str) -> tuple[str, bytes]:
    with open(os.path.join(FOLDER, "static", name), "rb") as file:
        data = file.read()
    return sha256(data).hexdigest()[:16], data


@cache
def _engine() -> Engine:
    return Engine(dirs=[os.path.join(FOLDER, "templates")], autoescape=True, debug=False)
