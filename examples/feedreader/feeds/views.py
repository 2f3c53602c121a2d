"""Pages: all feeds with their newest entries, and one feed."""

from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from feeds.models import Entry, Feed

NEWEST = 5
PAGE_LENGTH = 50


def index(request: HttpRequest) -> HttpResponse:
    newest = Prefetch("entries", Entry.objects.all()[:NEWEST], to_attr="newest")
    return render(request, "feeds/index.html", {"feeds": Feed.objects.prefetch_related(newest)})


def feed(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Feed, pk=pk)
    page = Paginator(found.entries.all(), PAGE_LENGTH).get_page(request.GET.get("page"))
    return render(request, "feeds/feed.html", {"feed": found, "page": page})


def health(request: HttpRequest) -> HttpResponse:
    """Asked by Procession before it calls a web process ready."""
    return HttpResponse("ok\n", content_type="text/plain")
