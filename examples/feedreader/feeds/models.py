"""A feed, and the entries that it had when we looked."""

from django.db import models
from django.urls import reverse


class Feed(models.Model):
    """An RSS or Atom feed. `etag` and `last_modified` are what its server said last, to ask it for changes only."""

    url = models.URLField("address", max_length=500, unique=True)
    title = models.CharField(max_length=300, blank=True, help_text="The feed's own title, once it was fetched.")
    site_url = models.URLField("site", max_length=500, blank=True, editable=False)
    etag = models.CharField(max_length=300, blank=True, editable=False)
    last_modified = models.CharField(max_length=100, blank=True, editable=False)
    fetched_at = models.DateTimeField(null=True, editable=False, help_text="When we last asked, with success or not.")
    error = models.TextField(blank=True, editable=False, help_text="Why the last fetch failed; empty if it did not.")

    class Meta:
        ordering = ["title", "url"]

    def __str__(self) -> str:
        return self.title or self.url

    def get_absolute_url(self) -> str:
        return reverse("feed", args=[self.pk])


class Entry(models.Model):
    """One entry of a feed, known by the id that the feed gave it."""

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="entries")
    guid = models.CharField(max_length=500)
    url = models.URLField(max_length=500, blank=True)
    title = models.CharField(max_length=500)
    summary = models.TextField(blank=True)
    published_at = models.DateTimeField()

    class Meta:
        ordering = ["-published_at", "-pk"]
        verbose_name_plural = "entries"
        constraints = [models.UniqueConstraint(fields=["feed", "guid"], name="entry_once_in_its_feed")]
        indexes = [models.Index(fields=["feed", "-published_at"], name="entry_newest_of_feed")]

    def __str__(self) -> str:
        return self.title
