"""`path("processes/", include("procession.dashboard.urls"))`: the dashboard in a site, behind the site's own login."""

from __future__ import annotations

from procession.dashboard.routes import routes
from procession.dashboard.staff import SiteAccess

app_name = "procession"
urlpatterns = routes(SiteAccess())
