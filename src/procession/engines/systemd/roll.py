"""A rolling restart, which systemd itself has not: one more instance first, and only when it is ready the others.

The one more is of the new code. Should it not become ready, then nothing else was touched: all old ones serve on.
While each of the others is restarted, it serves in its place, on the same sockets; at the end it goes.
"""

from __future__ import annotations

from procession.engines.base import Asked
from procession.engines.steps import News, Steps
from procession.engines.systemd import names
from procession.engines.systemd.journal import last_words
from procession.engines.systemd.service import hands_over
from procession.engines.systemd.units import Unit, carry_out, is_task, look, systemctl
from procession.refusal import ExitCode, Refusal
from procession.stack.model import Process

LAST_LINES = 12


def roll(asked: Asked) -> Steps[None]:
    """Each process in turn, in start order. Raises Refusal when an instance does not become ready; then it stops."""
    if asked.options.supervisor:
        raise Refusal("our supervisor rolls", "procession roll --engine embedded", code=ExitCode.USAGE)
    units = yield from look(asked)
    for name in dict.fromkeys(unit.process.name for unit in units if not is_task(unit)):
        mine = [unit for unit in units if unit.process.name == name and unit.is_up]
        named = [unit for unit in mine if not asked.names or name in asked.names or unit.name in asked.names]
        if named:
            yield from _roll(asked, mine, named)
        else:
            yield News(f"{name}: none runs")


def can_surge(process: Process) -> bool:
    """Whether one more may run beside the others: no singleton, and it shares what it listens on."""
    return names.is_template(process) and process.max_surge > 0 and (hands_over(process) or not process.listeners)


def _roll(asked: Asked, there: list[Unit], old: list[Unit]) -> Steps[None]:
    process = old[0].process
    if not can_surge(process):
        yield News(f"{process.name}: cannot run beside itself, so each is down while it is restarted")
        yield from _restart_each(asked, old)
        return
    surge = max([process.replicas, *(unit.number for unit in there)]) + 1
    extra = names.instance(asked.stack, process, surge)
    yield from _start_extra(asked, process, surge, extra)
    yield from _restart_each(asked, old)
    yield from carry_out(systemctl(asked.options, "stop", "--", extra))
    yield News(f"{process.name}.{surge}: stopped")


def _start_extra(asked: Asked, process: Process, number: int, unit: str) -> Steps[None]:
    name = f"{process.name}.{number}"
    done = yield systemctl(asked.options, "start", "--", unit)
    if done.is_well:
        yield News(f"{name}: ready")
        return
    said = yield last_words(asked.options, unit, LAST_LINES)
    yield systemctl(asked.options, "stop", "--", unit)
    what = f"{name} did not become ready, and the old ones serve on"
    raise Refusal("\n    ".join([what, *said.stdout.splitlines()]), f"procession logs {name}", code=ExitCode.NOT_SO)


def _restart_each(asked: Asked, units: list[Unit]) -> Steps[None]:
    for unit in units:
        done = yield systemctl(asked.options, "restart", "--", unit.unit)
        if not done.is_well:
            said = yield last_words(asked.options, unit.unit, LAST_LINES)
            what = f"{unit.name} did not become ready; the roll stops here"
            fix = f"procession logs {unit.name}"
            raise Refusal("\n    ".join([what, *said.stdout.splitlines()]), fix, code=ExitCode.NOT_SO)
        yield News(f"{unit.name}: restarted, ready")
