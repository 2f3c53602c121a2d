"""The table itself: complete, without dead ends, and every cell that does nothing says why."""

from __future__ import annotations

import pytest

from procession.supervisor.core.instance import ALIVE, AT_REST, ENDING, Happening, Phase
from procession.supervisor.core.table import TABLE, Effect, Ignored, Step
from procession.supervisor.core.turn import EFFECTS, RECORDED


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("happening", Happening)
def test_every_pair_has_a_cell(phase: Phase, happening: Happening) -> None:
    cell = TABLE[phase, happening]
    if isinstance(cell, Ignored):
        assert len(cell.why.split()) >= 3, "to ignore is a cell that says why"
    else:
        assert (cell.phase, cell.effects) != (phase, ()), "a step that does nothing is to be ignored, with a reason"


def test_every_phase_can_be_reached_and_left() -> None:
    steps = {(phase, cell.phase) for (phase, _), cell in TABLE.items() if isinstance(cell, Step)}
    for phase in Phase:
        assert any(target is phase and origin is not phase for origin, target in steps), f"nothing leads to {phase}"
        assert any(origin is phase and target is not phase for origin, target in steps), f"nothing leads out of {phase}"


def test_every_death_passes_through_a_sweep() -> None:
    """So that no next life meets what is left of the tree before it."""
    for (phase, happening), cell in TABLE.items():
        if happening is Happening.DIED and isinstance(cell, Step):
            assert cell.phase is Phase.SWEEPING
            assert Effect.SWEEP in cell.effects
            assert phase in ALIVE | ENDING


def test_only_a_sweep_leads_from_a_process_to_rest() -> None:
    with_process = ALIVE | {Phase.STOPPING}
    for (phase, happening), cell in TABLE.items():
        if phase in with_process and isinstance(cell, Step):
            assert cell.phase not in AT_REST | {Phase.BACKOFF, Phase.WAITING}, f"{phase}, {happening}"


def test_every_effect_is_carried_out_and_used() -> None:
    used = {effect for cell in TABLE.values() if isinstance(cell, Step) for effect in cell.effects}
    assert used == set(Effect) == set(EFFECTS)


def test_what_is_recorded_is_a_phase_that_a_person_would_ask_about() -> None:
    assert set(Phase) - set(RECORDED) == {Phase.WAITING, Phase.SWEEPING}
