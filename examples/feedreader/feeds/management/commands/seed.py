"""`manage.py seed`: have the sample feed that this site serves, at the port on which it serves it now."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.urls import reverse

from feeds.models import Feed


class Command(BaseCommand):
    help = "Subscribe to the sample feed that this site serves itself."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--base-url", default=f"http://127.0.0.1:{settings.PORT}", help="default: %(default)s")

    @transaction.atomic
    def handle(self, *, base_url: str, **options: Any) -> None:
        path = reverse("sample")
        url = base_url.rstrip("/") + path
        local = Feed.objects.filter(url__startswith="http://127.0.0.1:", url__endswith=path).exclude(url=url)
        local.delete()  # of a run on another port
        feed, is_new = Feed.objects.get_or_create(url=url)
        self.stdout.write(f"{feed.url}: {'added' if is_new else 'was there'}")
