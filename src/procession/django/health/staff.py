"""Whether a request comes from staff, where no other middleware has looked at it yet."""

from __future__ import annotations

from importlib import import_module

from django.apps import apps
from django.conf import settings
from django.http import HttpRequest

NEEDED = ("django.contrib.auth", "django.contrib.sessions")


def is_staff(request: HttpRequest) -> bool:
    """By the session in its cookie. False without one, without these apps, and whenever it cannot be known."""
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not key or not all(apps.is_installed(name) for name in NEEDED):
        return False
    from django.contrib.auth import get_user  # here, because a site may be without it
    from django.db import close_old_connections

    try:
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
        user = get_user(request)
        return bool(user.is_active and getattr(user, "is_staff", False))
    except Exception:  # noqa: BLE001 - stores and users are the site's own; a stranger sees what a stranger sees
        return False
    finally:
        close_old_connections()
