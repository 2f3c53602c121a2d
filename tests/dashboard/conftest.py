"""One site for all tests of a session: what one of them does to it, it undoes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dashboard.site import DashboardSite


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardSite]:
    site = DashboardSite(tmp_path_factory.mktemp("dashboard") / "site")
    try:
        site.prepare()
        site.ok("up", "-d")
        yield site
    finally:
        site.end()
    assert site.members() == []
