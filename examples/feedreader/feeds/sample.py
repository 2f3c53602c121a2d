"""A feed of our own at /sample.xml, so that there is one to read without a network; it grows with the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from time import time

from django.contrib.syndication.views import Feed
from django.http import HttpRequest
from django.utils.feedgenerator import Atom1Feed

STEP_SECONDS = 10
LENGTH = 12


def newest_step() -> int:
    """The number of the newest entry: it grows by one every STEP_SECONDS."""
    return int(time()) // STEP_SECONDS


def etag(request: HttpRequest) -> str:  # noqa: ARG001 (what `condition` calls)
    return f'"{newest_step()}"'


class SampleFeed(Feed):
    feed_type = Atom1Feed
    title = "The sample feed"
    link = "/"
    subtitle = f"A new entry every {STEP_SECONDS} seconds, served by this very site"

    def items(self) -> range:
        newest = newest_step()
        return range(newest, newest - LENGTH, -1)

    def item_title(self, step: int) -> str:
        return f"It was {self.item_pubdate(step):%H:%M:%S} UTC"

    def item_description(self, step: int) -> str:
        return f"Entry {step}: somebody asked for the sample feed at that time."

    def item_link(self, step: int) -> str:
        return f"/sample.xml#{step}"

    def item_guid(self, step: int) -> str:
        return f"urn:feedreader:sample:{step}"

    def item_pubdate(self, step: int) -> datetime:
        return datetime.fromtimestamp(step * STEP_SECONDS, tz=UTC)

    item_updateddate = item_pubdate
