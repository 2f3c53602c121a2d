"""/processes/metrics: who gets it, and that it is what `procession metrics` says."""

from __future__ import annotations

import pytest

from tests.dashboard.site import DashboardSite
from tests.metrics.reading import Numbers

METRICS = "/processes/metrics"


def test_prometheus_says_its_token(site: DashboardSite) -> None:
    page = site.visitor().get(METRICS, Authorization="Bearer for the tests")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    numbers = Numbers(page.text)
    assert numbers.number("procession_process_ready", process="web") == 1
    own = Numbers(site.ok("metrics").out)
    assert set(numbers.types) == set(own.types)


@pytest.mark.parametrize("said", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic Zm9yIHRoZSB0ZXN0cw==", "Bearer é"])
def test_without_it_there_is_nothing_and_no_login_page(site: DashboardSite, said: str) -> None:
    page = site.visitor().get(METRICS, **({"Authorization": said.encode().decode("latin-1")} if said else {}))
    assert (page.status, page.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "procession_" not in page.text


@pytest.mark.parametrize(("name", "status"), [("operator", 200), ("viewer", 200), ("clerk", 401), ("customer", 401)])
def test_who_may_see_the_pages_may_see_the_numbers(site: DashboardSite, name: str, status: int) -> None:
    assert site.visitor(name).get(METRICS).status == status


def test_it_is_only_read(site: DashboardSite) -> None:
    assert site.visitor("operator").post(METRICS, {}).status == 405
