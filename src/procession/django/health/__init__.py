"""Is the site alive, is it ready? Asked over HTTP, answered before ALLOWED_HOSTS and any redirect.

MIDDLEWARE = ["procession.django.health.HealthMiddleware", ...]      the first of them

GET /-/live     200 for as long as the server answers at all: nothing is looked at
GET /-/ready    200, or 503 while a database, a cache, a migration or the broker is not as it should be
"""

from __future__ import annotations

from procession.django.health.middleware import HealthMiddleware

__all__ = ["HealthMiddleware"]
