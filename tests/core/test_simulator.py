"""A short run of the simulator; `python -m tests.core.simulator` makes a long one."""

from __future__ import annotations

import pytest

from tests.core.simulator import live


@pytest.mark.parametrize("seed", range(60))
def test_the_invariants_hold_in_a_random_history(seed: int) -> None:
    live(seed, turns=400)
