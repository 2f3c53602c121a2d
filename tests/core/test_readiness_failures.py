"""How often it was not ready when it should have been: counted over all lives, for who looks at the numbers."""

from __future__ import annotations

from procession.stack.model import ProbeType
from procession.supervisor.core import events as on
from procession.supervisor.core import view
from tests.core.history import History
from tests.core.stacks import process, stack


def failures(history: History) -> object:
    return view.change(history.model, "web.1", history.now)["readiness_failures"]


def test_a_failed_probe_counts_once_it_was_ready() -> None:
    history = History(stack(process("web")))
    history.runs("web.1")
    history.probes("web.1", ok=False, times=5)  # it starts
    assert failures(history) == 0
    history.probes("web.1", ok=True)
    history.probes("web.1", ok=False)  # one is not enough for unready, and counts all the same
    history.probes("web.1", ok=True)
    history.probes("web.1", ok=False, times=2)
    assert failures(history) == 3


def test_a_start_that_is_not_ready_in_time_counts_and_so_does_the_next() -> None:
    history = History(stack(process("web")))
    for count in (1, 2):
        history.runs("web.1")
        history.probes("web.1", ok=False, times=5)
        history.waits(60)
        assert failures(history) == count
        history.dies("web.1", -15)
        history.waits(5)


def test_to_say_so_counts() -> None:
    history = History(stack(process("web", probe=ProbeType.NOTIFY)))
    history.runs("web.1")
    history.tell(on.Told("web.1", 1, ready=True))
    history.tell(on.Told("web.1", 1, ready=False))
    assert failures(history) == 1


def test_a_roll_goes_on_counting_and_so_does_one_that_is_called_off() -> None:
    history = History(stack(process("web", max_surge=1)))
    history.is_ready("web.1")
    history.probes("web.1", ok=False)
    history.probes("web.1", ok=True)
    history.tell(on.Roll(("web",), operation=2))
    history.runs("web.1")
    assert failures(history) == 1
    history.waits(30)
    assert failures(history) == 2
    history.dies("web.1", -15)
    assert history.instance("web.1").roll_failed
    assert failures(history) == 2
