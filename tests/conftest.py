"""What holds for every test: `root` tests are skipped for anybody else, and what takes minutes begins first."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = begin_with_the_longest(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs to be root"))


def begin_with_the_longest(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Each of xdist's workers begins at a share of the list of its own (`--dist worksteal`): there the `long` ones are
    put, so that no worker is left alone with one in the end.
    """
    longest = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if item not in longest]
    for number, item in enumerate(longest):
        others.insert(number % workers * (len(items) // workers), item)
    return others
