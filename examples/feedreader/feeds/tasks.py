"""What the worker does: beat asks for `fetch_all`, which asks for `fetch_feed` of each feed."""

from celery import shared_task
from celery.utils.log import get_task_logger
from django.conf import settings

from feeds.fetch import fetch
from feeds.models import Feed

log = get_task_logger(__name__)


@shared_task
def fetch_all() -> None:
    """Queue each feed. One that is still in the queue when the next round comes is not worth fetching any more."""
    for pk in Feed.objects.values_list("pk", flat=True):
        fetch_feed.apply_async((pk,), expires=settings.FETCH_SECONDS)


@shared_task(soft_time_limit=60)
def fetch_feed(pk: int) -> None:
    feed = Feed.objects.filter(pk=pk).first()
    if feed is None:  # deleted since it was queued
        return
    log.info("%s: %s", feed, fetch(feed))
