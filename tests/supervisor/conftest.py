"""A real supervisor, the programs that it supervises, and the proof that nothing of them is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervisor.programs import Stage, is_alive, marked, until
from tests.supervisor.site import Site


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "site")
    yield site
    site.end()
    assert marked(site.directory) == []
    assert not site.is_supervised()
    until(lambda: not site.is_recorded(), "the recorder has not ended")
    assert not any(is_alive(popen.pid) for popen in site.started)
