"""Fetching over real HTTP: the test's live server serves the sample feed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from unittest import mock

from django.test import LiveServerTestCase, SimpleTestCase, override_settings

from feeds.download import Download, FetchFailed, download
from feeds.fetch import fetch
from feeds.models import Entry, Feed
from feeds.parse import parse
from feeds.sample import LENGTH, STEP_SECONDS
from feeds.tasks import fetch_all, fetch_feed

NOON = 1_800_000_000


@contextmanager
def redirects_to(location: str) -> Iterator[str]:
    """The address of a server that answers one request with a redirect."""

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302)
            self.send_header("Location", location)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Redirect) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        thread.join()


def at(seconds: int):
    """The sample feed's clock."""
    return mock.patch("feeds.sample.time", return_value=NOON + seconds)


class FetchTests(LiveServerTestCase):
    host = "127.0.0.1"  # a machine need not know the name localhost

    def setUp(self):
        self.feed = Feed.objects.create(url=f"{self.live_server_url}/sample.xml")

    @at(0)
    def test_a_feed_brings_its_title_and_entries(self, _clock):
        self.assertEqual(fetch(self.feed), f"{LENGTH} new of {LENGTH} entries")
        self.feed.refresh_from_db()
        self.assertEqual((self.feed.title, self.feed.error), ("The sample feed", ""))
        self.assertEqual(self.feed.entries.first().published_at, datetime.fromtimestamp(NOON, UTC))
        self.assertTrue(self.feed.entries.first().url.startswith(self.live_server_url))

    @at(0)
    def test_what_did_not_change_is_not_sent_again(self, _clock):
        fetch(self.feed)
        self.assertIsNone(download(self.feed.url, etag=self.feed.etag).body)
        self.assertEqual(fetch(self.feed), "nothing new")

    def test_a_later_fetch_adds_what_is_new_and_keeps_what_is_old(self):
        with at(0):
            fetch(self.feed)
        with at(2 * STEP_SECONDS):
            self.assertEqual(fetch(self.feed), f"2 new of {LENGTH} entries")
        self.assertEqual(self.feed.entries.count(), LENGTH + 2)

    def test_a_failure_is_kept_until_the_next_success(self):
        Feed.objects.update(url=f"{self.live_server_url}/nothing.xml")
        self.feed.refresh_from_db()
        self.assertEqual(fetch(self.feed), "failed: the server answered 404 Not Found")
        self.feed.refresh_from_db()
        self.assertEqual(self.feed.error, "the server answered 404 Not Found")
        self.assertIsNotNone(self.feed.fetched_at)

        self.feed.url = f"{self.live_server_url}/sample.xml"
        fetch(self.feed)
        self.assertEqual(Feed.objects.get().error, "")

    def test_a_page_is_no_feed(self):
        self.feed.url = f"{self.live_server_url}/health/"
        self.assertEqual(fetch(self.feed), "failed: neither RSS nor Atom")

    def test_nobody_listens(self):
        self.feed.url = "http://127.0.0.1:1/"
        self.assertEqual(fetch(self.feed), "failed: Connection refused")

    @override_settings(FETCH_SECONDS=10.0)
    def test_one_task_asks_for_each_feed(self):
        other = Feed.objects.create(url=f"{self.live_server_url}/other.xml")
        with mock.patch.object(fetch_feed, "apply_async") as queued:
            fetch_all()
        asked = [call.args[0] for call in queued.call_args_list]
        self.assertCountEqual(asked, [(self.feed.pk,), (other.pk,)])

    def test_a_task_for_a_deleted_feed_does_nothing(self):
        fetch_feed(self.feed.pk + 1)
        self.assertFalse(Entry.objects.exists())

    def test_only_http_is_fetched(self):
        for url in ("file:///etc/passwd", "ftp://localhost/x", "data:text/plain,x"):
            with self.subTest(url), self.assertRaises(FetchFailed):
                download(url)

    def test_a_redirect_to_anything_else_is_not_followed(self):
        with redirects_to("ftp://localhost/x") as url, self.assertRaisesMessage(FetchFailed, "unknown url type: ftp"):
            download(url)


RSS = b"""<rss version="2.0"><channel><title>A &lt;b&gt;bold&lt;/b&gt; feed</title>%s</channel></rss>"""


def parsed(*items: bytes, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)):
    return parse(Download("http://example.com/", RSS % b"".join(items), "application/rss+xml", "", ""), now=now)


class ParseTests(SimpleTestCase):
    def test_an_entry_is_known_by_its_id_or_else_its_link(self):
        feed = parsed(
            b"<item><title>No id at all</title></item>",
            b"<item><link>http://example.com/a</link><title>By its link</title></item>",
            b'<item><guid isPermaLink="false">1</guid><title>One</title></item>',
            b'<item><guid isPermaLink="false">1</guid><title>One again</title></item>',
        )
        found = [(entry.guid, entry.title) for entry in feed.entries]
        self.assertEqual(found, [("http://example.com/a", "By its link"), ("1", "One again")])

    def test_text_loses_its_tags(self):
        feed = parsed(b"<item><guid>1</guid><description>&lt;p&gt;Hello&lt;/p&gt; you</description></item>")
        self.assertEqual((feed.title, feed.entries[0].summary), ("A bold feed", "Hello you"))

    def test_a_link_that_is_no_web_address_is_dropped(self):
        (entry,) = parsed(b'<item><guid isPermaLink="false">1</guid><link>javascript:alert(1)</link></item>').entries
        self.assertEqual(entry.url, "")

    def test_an_entry_without_a_time_is_of_now(self):
        now = datetime(2026, 2, 2, tzinfo=UTC)
        (entry,) = parsed(b"<item><guid>1</guid></item>", now=now).entries
        self.assertEqual(entry.published_at, now)
