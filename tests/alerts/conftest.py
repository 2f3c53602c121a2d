"""Who gets the alerts, and a real supervisor that has something to tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerts.inbox import Inbox
from tests.alerts.shop import Shop
from tests.faults.conftest import disk, project
from tests.supervisor.conftest import site, stage
from tests.supervisor.site import Site

__all__ = ["disk", "inbox", "project", "site", "stage"]


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    folder = tmp_path / "inbox"
    folder.mkdir()
    inbox = Inbox(folder)
    yield inbox
    inbox.close()


@pytest.fixture
def shop(tmp_path: Path, site: Site, inbox: Inbox) -> Shop:
    return Shop(tmp_path / "shop", site, inbox)
