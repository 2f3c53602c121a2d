"""Until instances are up: supervisord calls them so, and they have said so themselves where they can."""

from __future__ import annotations

from collections.abc import Sequence

from procession.engines.base import Asked, Row, State
from procession.engines.steps import Await, Command, Steps
from procession.engines.supervisord.places import supervisorctl
from procession.engines.supervisord.status import read_rows
from procession.refusal import ExitCode, Refusal
from procession.run import Done
from procession.stack.model import Process

START_SECONDS = 30.0  # beyond what is declared, on a machine that is busy
UP = frozenset({State.READY, State.DONE})


def until_up(asked: Asked, some: Sequence[tuple[Process, str]], *, tries: bool = True) -> Steps[None]:
    """Raises Refusal for those that do not come up. `tries`: one that has died may be started again meanwhile."""
    wanted = {name for _, name in some}
    over = {State.FAILED} if tries else {State.FAILED, State.BACKOFF}

    def states(done: Done) -> dict[str, State]:
        return {row.name: row.state for row in read_rows(done.stdout, asked) if row.name in wanted}

    def are_settled(done: Done) -> bool:
        there = states(done)
        return there.keys() == wanted and all(state in UP | over for state in there.values())

    look = supervisorctl(asked, "status", looks=True)
    what = f"ready: {', '.join(sorted(wanted))}"
    done = yield Await(look=look, holds=are_settled, within_seconds=_longest([one for one, _ in some]), what=what)
    late = sorted(name for name in wanted if states(done).get(name) not in UP)
    if late and (done.stdout or not done.is_well):  # in a dry run nobody has looked
        raise Refusal(f"not ready: {', '.join(late)}", f"procession logs {late[0]}", code=ExitCode.NOT_SO)


def _longest(processes: Sequence[Process]) -> float:
    seconds = [one.backoff.steady_seconds + one.readiness.within_seconds for one in processes]
    return max(seconds, default=0.0) + START_SECONDS


def well(command: Command, otherwise: str) -> Steps[Done]:
    """Raises Refusal with the tool's last words. supervisorctl says its complaints on stdout, beside its news."""
    done = yield command
    complaints = [line for line in done.stdout.splitlines() if "ERROR" in line or line.lower().startswith("error")]
    if complaints or not done.is_well:
        raise Refusal(f"{otherwise}: {complaints[0] if complaints else done.last_words()}", code=ExitCode.NOT_SO)
    return done


def look(asked: Asked) -> Steps[dict[str, Row]]:
    """The instances that supervisord knows, by name; none where it is not there."""
    done = yield supervisorctl(asked, "status", looks=True)
    return {row.name: row for row in read_rows(done.stdout, asked)}
