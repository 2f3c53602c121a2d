"""`path("processes/", include("procession.dashboard.urls"))`: the dashboard in a site, behind the site's own login."""

from __future__ import annotations

from procession.dashboard.access import SiteAccess
from procession.dashboard.routes import routes

app_name = "procession"
urlpatterns = routes(SiteAccess())
