"""How a supervisord that runs takes another configuration in: what has changed, one instance after the other.

`supervisorctl update` alone would stop all instances of a process, and then start them all.
"""

from __future__ import annotations

import re
from itertools import groupby

from procession.engines.base import Asked
from procession.engines.steps import Steps
from procession.engines.supervisord.options import can_surge, listener_name, next_name
from procession.engines.supervisord.places import instances, supervisorctl
from procession.engines.supervisord.roll import roll_to_the_new_ones
from procession.engines.supervisord.waiting import RUNS, look, well
from procession.stack.model import Process

NEWS = re.compile(r"^(\S+): (?:changed|available|disappeared)$", re.MULTILINE)  # of `supervisorctl reread`
REFUSED = "supervisord does not take its configuration in"


def take_in(asked: Asked) -> Steps[None]:
    """Raises Refusal at the first instance that does not become ready; the others go on as they were, until the next
    apply finds that they still are others than declared.
    """
    read = yield from well(supervisorctl(asked, "reread"), REFUSED)
    news = set(NEWS.findall(read.stdout))
    rolled = yield from _to_be_rolled(asked, news)
    later = {name for process, name in rolled} | {next_name(process) for process, _ in rolled}
    if not rolled:
        yield from well(supervisorctl(asked, "update"), REFUSED)
    elif at_once := sorted(news - later):
        yield from well(supervisorctl(asked, "update", *at_once), REFUSED)
    for process, group in groupby(rolled, lambda one: one[0]):
        yield from well(supervisorctl(asked, "update", next_name(process)), REFUSED)
        yield from roll_to_the_new_ones(asked, process, list(group))


def _to_be_rolled(asked: Asked, news: set[str]) -> Steps[list[tuple[Process, str]]]:
    """Those that run and have changed. With another listener, all of a process have to be stopped."""
    there = yield from look(asked)
    return [
        (process, name)
        for process, name in instances(asked)
        if name in news and can_surge(process) and listener_name(process) not in news
        if name in there and there[name].state in RUNS
    ]
