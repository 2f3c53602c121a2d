"""The addresses of the dashboard; whoever asks for one is admitted first."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_protect

from procession.dashboard import pages, views
from procession.dashboard.access import Access, Visitor
from procession.dashboard.metrics import metrics


def routes(access: Access) -> list[URLPattern]:
    """For an include with the namespace `procession`."""

    def guarded(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        return _guarded(access, view)

    return [
        path("", guarded(views.stack), name="stack"),
        path("events/", guarded(views.events), name="events"),
        path("process/<str:name>/", guarded(views.process), name="process"),
        path("process/<str:name>/<slug:verb>/", guarded(views.act), name="act"),
        path("all/<slug:verb>/", guarded(views.act_on_all), name="act-on-all"),
        path("metrics", metrics(access), name="metrics"),
        path("asset/<str:digest>/<str:name>", pages.asset, name="asset"),
    ]


def _guarded(access: Access, view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """`csrf_protect`, because a site may have taken Django's middleware for it out."""

    @csrf_protect
    @wraps(view)
    def admitted(request: HttpRequest, **words: str) -> HttpResponseBase:
        visitor = access.admit(request)
        return view(request, visitor, **words) if isinstance(visitor, Visitor) else visitor

    return admitted
