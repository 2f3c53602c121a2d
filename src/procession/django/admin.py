"""A line in the admin that leads to the dashboard, where the site has one and the user may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse

from procession.django.models import Stack

DASHBOARD = "procession:stack"


if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Stack]
else:
    ModelAdmin = admin.ModelAdmin  # which takes no type at run time


@admin.register(Stack)
class StackAdmin(ModelAdmin):
    """Nothing to list or to edit: its list is the dashboard."""

    def changelist_view(self, request: HttpRequest, extra_context: object = None) -> HttpResponse:
        """Where the link of the admin's index leads."""
        return HttpResponseRedirect(reverse(DASHBOARD))

    def has_view_permission(self, request: HttpRequest, obj: Stack | None = None) -> bool:
        """As the dashboard has it; nobody, where no dashboard is."""
        is_allowed: bool = request.user.has_perm("procession.view")  # type: ignore[union-attr]
        return is_allowed and _has_dashboard()

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the admin's index has the line."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Stack | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Stack | None = None) -> bool:
        return False


def _has_dashboard() -> bool:
    try:
        reverse(DASHBOARD)
    except NoReverseMatch:
        return False
    return True
