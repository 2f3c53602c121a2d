"""Until instances are up: supervisord calls them so, and they have said so themselves where they can."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from procession.engines.base import Asked, Row, State
from procession.engines.steps import Await, Command, Steps
from procession.engines.supervisord.places import supervisorctl
from procession.engines.supervisord.status import read_rows, status
from procession.refusal import ExitCode, Refusal
from procession.run import Done
from procession.stack.model import Process

START_SECONDS = 30.0  # beyond what is declared, on a machine that is busy
LOOK_SECONDS = 0.5  # each look is an interpreter of its own
RUNS = frozenset({State.READY, State.STARTING, State.BACKOFF})  # or tries to
UP = frozenset({State.READY, State.DONE})


def until_up(asked: Asked, some: Sequence[tuple[Process, str]]) -> Steps[None]:
    """Raises Refusal for those that do not come up. One that has died may be started again meanwhile."""

    def are_settled(rows: Sequence[Row]) -> bool:
        return len(rows) == len(some) and all(row.state in {*UP, State.FAILED} for row in rows)

    yield from _until(asked, some, are_settled)


def until_it_lives(asked: Asked, process: Process, name: str) -> Steps[None]:
    """The same for one, in the life that it has now: another one is no good. Raises Refusal."""
    pids: set[int] = set()

    def is_settled(rows: Sequence[Row]) -> bool:
        pids.update(row.pid for row in rows)
        return not rows or len(pids) > 1 or rows[0].state is not State.STARTING

    yield from _until(asked, [(process, name)], is_settled)
    if len(pids) > 1:
        raise Refusal(f"{name} has died", f"procession logs {name}", code=ExitCode.NOT_SO)


def _until(asked: Asked, some: Sequence[tuple[Process, str]], holds: Callable[[Sequence[Row]], bool]) -> Steps[None]:
    wanted = [name for _, name in some]

    def rows(done: Done) -> list[Row]:
        return [row for row in read_rows(done.stdout, asked) if row.name in wanted]

    look = supervisorctl(asked, "status", looks=True)
    done = yield Await(
        look=look,
        holds=lambda done: holds(rows(done)),
        within_seconds=_longest([process for process, _ in some]),
        what=f"ready: {', '.join(wanted)}",
        every_seconds=LOOK_SECONDS,
    )
    ready = {row.name for row in rows(done) if row.state in UP}
    late = [name for name in wanted if name not in ready]
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
    """The instances that supervisord knows, by name. Raises Refusal where it is not there."""
    return {row.name: row for row in (yield from status(asked))}
