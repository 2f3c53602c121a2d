"""The bytes of an RSS or Atom feed as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from time import struct_time
from urllib.parse import urlsplit

import feedparser
from django.utils.html import strip_tags

from feeds.download import Download, FetchFailed


@dataclass(frozen=True, slots=True)
class ParsedEntry:
    guid: str
    url: str
    title: str
    summary: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    title: str
    site_url: str
    entries: tuple[ParsedEntry, ...]


def parse(got: Download, *, now: datetime) -> ParsedFeed:
    """The feed in `got`; an entry that gives no time is of `now`. Raises FetchFailed if it is no feed."""
    headers = {"content-type": got.content_type, "content-location": got.url}
    found = feedparser.parse(got.body, response_headers=headers)
    if not found.version:
        raise FetchFailed("neither RSS nor Atom")
    entries = {}
    for item in found.entries:
        if guid := item.get("id") or item.get("link"):
            entries[guid[:500]] = _entry(item, guid[:500], now)
    return ParsedFeed(
        _line(found.feed.get("title", ""), 300), _web(found.feed.get("link", "")), tuple(entries.values())
    )


def _entry(item: feedparser.FeedParserDict, guid: str, now: datetime) -> ParsedEntry:
    stamp = item.get("published_parsed") or item.get("updated_parsed")
    return ParsedEntry(
        guid=guid,
        url=_web(item.get("link", "")),
        title=_line(item.get("title", ""), 500) or "(no title)",
        summary=_line(item.get("summary", ""), 2000),
        published_at=_utc(stamp) if stamp else now,
    )


def _line(html: str, length: int) -> str:
    """Text without tags and line breaks: it is escaped again where it is shown."""
    return " ".join(strip_tags(html).split())[:length]


def _web(url: str) -> str:
    """`url` if a browser may follow it from our page, else "": a feed may say `javascript:`."""
    return url if urlsplit(url).scheme in ("http", "https") and len(url) <= 500 else ""


def _utc(stamp: struct_time) -> datetime:
    return datetime(*stamp[:6], tzinfo=UTC)
