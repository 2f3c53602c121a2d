"""Is the engine there at all? Asked first, so that nobody has to guess it from a complaint about something else."""

from __future__ import annotations

from procession.engines.base import Asked, Engine, Need
from procession.engines.steps import Steps
from procession.refusal import Refusal
from procession.run import NO_SUCH_PROGRAM, Done


def require(tool: Engine, asked: Asked) -> Steps[None]:
    """Raises Refusal with the first thing that is lacking."""
    for need in tool.needs:
        done = yield need.look(asked)
        if not done.is_well:
            raise _refusal(need, need.look(asked).argv[0], done)
        if objection := need.objection(asked, done):
            raise Refusal(objection, need.fix)


def _refusal(need: Need, program: str, done: Done) -> Refusal:
    if done.status == NO_SUCH_PROGRAM:
        return Refusal(f"there is no {program} here", need.install)
    said = f": {done.last_words()}" if need.speaks else ""
    return Refusal(need.lacking + said, need.fix)
