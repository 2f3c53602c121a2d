"""Fetch one feed into the database."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from feeds.download import FetchFailed, download
from feeds.models import Entry, Feed
from feeds.parse import ParsedEntry, parse


def fetch(feed: Feed) -> str:
    """Bring `feed` up to date and say in a few words what happened. A failure is kept in `feed.error`, not raised."""
    now = timezone.now()
    feed.fetched_at = now
    try:
        got = download(feed.url, etag=feed.etag, last_modified=feed.last_modified)
        parsed = parse(got, now=now) if got.body is not None else None
    except FetchFailed as failure:
        feed.error = str(failure)
        feed.save(update_fields=["fetched_at", "error"])
        return f"failed: {failure}"
    feed.error = ""
    feed.etag, feed.last_modified = got.etag[:300], got.last_modified[:100]
    if parsed is None:
        feed.save(update_fields=["fetched_at", "error"])
        return "nothing new"
    feed.title = parsed.title or feed.title
    feed.site_url = parsed.site_url
    with transaction.atomic():
        feed.save(update_fields=["title", "site_url", "etag", "last_modified", "fetched_at", "error"])
        count = _keep(feed, parsed.entries)
    return f"{count} new of {len(parsed.entries)} entries"


def _keep(feed: Feed, entries: tuple[ParsedEntry, ...]) -> int:
    """Add what is new and update what changed; the number of new ones. Two fetches at once do no harm."""
    before = feed.entries.count()
    Entry.objects.bulk_create(
        [
            Entry(
                feed=feed,
                guid=entry.guid,
                url=entry.url,
                title=entry.title,
                summary=entry.summary,
                published_at=entry.published_at,
            )
            for entry in entries
        ],
        update_conflicts=True,
        unique_fields=["feed", "guid"],
        update_fields=["url", "title", "summary"],
    )
    return feed.entries.count() - before
