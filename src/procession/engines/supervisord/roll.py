"""A roll: a new instance beside the old ones first. Only if it is ready are they renewed, one after the other.

supervisord itself has no such thing. The new one is a program that is always there and else stopped: `web.next`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from procession.engines.base import Asked
from procession.engines.steps import News, Steps
from procession.engines.supervisord.options import can_surge, is_held, next_name, tells
from procession.engines.supervisord.places import as_owner, instances, log_path, ready_path, supervisorctl
from procession.engines.supervisord.waiting import RUNS, look, until_it_lives, well
from procession.refusal import ExitCode, Refusal
from procession.stack.model import Process

LAST_LINES = 20  # of one that did not become ready
Some = Sequence[tuple[Process, str]]


def roll(asked: Asked) -> Steps[None]:
    """Raises Refusal at the first that does not become ready; the others go on as they were."""
    there = yield from look(asked)
    some = [(process, name) for process, name in instances(asked) if name not in there or there[name].state in RUNS]
    _refuse_those_that_cannot(process for process, _ in some)
    for process, group in groupby(some, lambda one: one[0]):
        if can_surge(process):
            was_left = next_name(process) in there  # by a roll that ended early
            yield from _with_a_next_one(asked, process, list(group), "restart" if was_left else "start")
        else:
            yield from _one_by_one(asked, list(group))


def _refuse_those_that_cannot(processes: Iterable[Process]) -> None:
    for process in processes:
        if process.listeners and not is_held(process):
            what = f"{process.name}: supervisord cannot hold its listener, so a roll would refuse connections"
            raise Refusal(what, f"procession restart {process.name}", code=ExitCode.USAGE)


def _with_a_next_one(asked: Asked, process: Process, some: Some, word: str) -> Steps[None]:
    """It stays, if one of the others then does not come back: it serves in its place."""
    name = next_name(process)
    yield News(f"{name}: starts beside {', '.join(old for _, old in some)}")
    try:
        yield from _renew(asked, process, name, word)
    except Refusal as refusal:
        yield from _give_up(asked, process, refusal)
    yield from _one_by_one(asked, some)
    yield from well(supervisorctl(asked, "stop", name), f"cannot stop {name}")
    yield News(f"{name}: stopped")


def _give_up(asked: Asked, process: Process, refusal: Refusal) -> Steps[None]:
    name = next_name(process)
    yield supervisorctl(asked, "stop", name)
    yield News(f"{name}: its last lines")
    path = log_path(asked, process, name)
    yield as_owner(asked, "tail", "-n", str(LAST_LINES), path, shown=True)
    what = f"{name} did not become ready, and was stopped; {process.name} goes on as it was"
    raise Refusal(what, f"all that it said is in {path}", code=ExitCode.NOT_SO) from refusal


def _one_by_one(asked: Asked, some: Some) -> Steps[None]:
    for process, name in some:
        try:
            yield from _renew(asked, process, name)
        except Refusal as refusal:
            what = f"{name} did not become ready: the roll ends here, the others go on as they were"
            raise Refusal(what, f"procession logs {name}", code=ExitCode.NOT_SO) from refusal
        yield News(f"{name}: rolled")


def _renew(asked: Asked, process: Process, name: str, word: str = "restart") -> Steps[None]:
    """Waits until it is ready. Raises Refusal."""
    if tells(process, asked.stack):  # or what its last life said would count
        yield as_owner(asked, "rm", "-f", ready_path(asked, name))
    yield from well(supervisorctl(asked, word, name), f"{name} did not stay up")
    yield from until_it_lives(asked, process, name)
