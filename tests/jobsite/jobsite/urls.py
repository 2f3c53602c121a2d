"""No pages: this site has tasks."""

urlpatterns: list[object] = []
