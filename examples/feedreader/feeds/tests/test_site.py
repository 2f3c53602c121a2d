"""The pages, the admin, and the sample feed's subscription."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from unittest import mock

from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import TestCase, override_settings
from django.urls import reverse

from feeds.models import Entry, Feed
from feeds.tasks import fetch_feed

PLAIN = override_settings(
    STORAGES={"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
)


def add_feed(entries: int = 0) -> Feed:
    feed = Feed.objects.create(url="http://example.com/feed.xml", title="Example <b>")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(entries):
        Entry.objects.create(
            feed=feed, guid=str(number), title=f"Entry no. {number}.", published_at=start + timedelta(hours=number)
        )
    return feed


@PLAIN
class PageTests(TestCase):
    def test_the_list_shows_each_feed_with_its_newest_entries(self):
        add_feed(entries=7)
        page = self.client.get("/")
        self.assertContains(page, "Example &lt;b&gt;")
        self.assertContains(page, "Entry no. 6.")
        self.assertNotContains(page, "Entry no. 1.")

    def test_the_list_takes_two_queries_however_many_feeds_there_are(self):
        add_feed(entries=2)
        Feed.objects.create(url="http://example.com/other.xml")
        with self.assertNumQueries(2):
            self.client.get("/")

    def test_no_feeds_yet(self):
        self.assertContains(self.client.get("/"), reverse("admin:feeds_feed_add"))

    def test_a_feed_page_has_pages(self):
        feed = add_feed(entries=60)
        self.assertContains(self.client.get(feed.get_absolute_url()), "page 1 of 2")
        self.assertContains(self.client.get(feed.get_absolute_url(), {"page": 2}), "Entry no. 0.")

    def test_a_feed_that_is_not_there(self):
        self.assertEqual(self.client.get("/feeds/1/").status_code, 404)

    def test_why_a_fetch_failed_is_shown(self):
        add_feed()
        Feed.objects.update(error="the server answered 500")
        self.assertContains(self.client.get("/"), "the server answered 500")

    def test_health(self):
        self.assertEqual(self.client.get("/health/").content, b"ok\n")


@PLAIN
class AdminTests(TestCase):
    def setUp(self):
        self.client.force_login(User.objects.create_superuser("admin"))

    def test_lists(self):
        add_feed(entries=1)
        for name in ("feed", "entry"):
            self.assertEqual(self.client.get(reverse(f"admin:feeds_{name}_changelist")).status_code, 200)

    def test_a_feed_is_added(self):
        self.client.post(reverse("admin:feeds_feed_add"), {"url": "http://example.com/new.xml", "title": ""})
        self.assertTrue(Feed.objects.filter(url="http://example.com/new.xml").exists())

    def test_fetch_now_asks_the_worker(self):
        feed = add_feed()
        with mock.patch.object(fetch_feed, "delay") as delay:
            self.client.post(
                reverse("admin:feeds_feed_changelist"), {"action": "fetch_now", "_selected_action": [feed.pk]}
            )
        delay.assert_called_once_with(feed.pk)


class SeedTests(TestCase):
    def seed(self, base_url: str) -> str:
        said = StringIO()
        call_command("seed", base_url=base_url, stdout=said)
        return said.getvalue()

    def test_it_is_added_once(self):
        self.assertIn("added", self.seed("http://127.0.0.1:8000"))
        self.assertIn("was there", self.seed("http://127.0.0.1:8000"))
        self.assertEqual(Feed.objects.get().url, "http://127.0.0.1:8000/sample.xml")

    def test_another_port_replaces_it_and_nothing_else(self):
        add_feed()
        self.seed("http://127.0.0.1:8000")
        self.seed("http://127.0.0.1:8001")
        urls = Feed.objects.filter(url__endswith="/sample.xml").values_list("url", flat=True)
        self.assertEqual(list(urls), ["http://127.0.0.1:8001/sample.xml"])
        self.assertEqual(Feed.objects.count(), 2)
