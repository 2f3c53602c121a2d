from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recorder.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A stack directory and a recorder that is not started yet."""
    rig = Rig(tmp_path / "stack")
    yield rig
    rig.close_all()
