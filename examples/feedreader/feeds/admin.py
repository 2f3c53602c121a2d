from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from feeds.models import Entry, Feed
from feeds.tasks import fetch_feed


@admin.register(Feed)
class FeedAdmin(admin.ModelAdmin):
    list_display = ["__str__", "url", "fetched_at", "error"]
    search_fields = ["title", "url"]
    readonly_fields = ["site_url", "fetched_at", "error"]
    actions = ["fetch_now"]

    @admin.action(description="Fetch now", permissions=["change"])
    def fetch_now(self, request: HttpRequest, queryset: QuerySet[Feed]) -> None:
        for feed in queryset:
            fetch_feed.delay(feed.pk)
        messages.success(request, f"The worker was asked to fetch {len(queryset)}.")


@admin.register(Entry)
class EntryAdmin(admin.ModelAdmin):
    """Entries are the feeds': to look at and to delete, not to write."""

    list_display = ["title", "feed", "published_at"]
    list_filter = ["feed"]
    search_fields = ["title", "summary"]
    date_hierarchy = "published_at"
    list_select_related = ["feed"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:
        return False
