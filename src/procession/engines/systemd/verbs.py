"""start, stop, restart, scale and down, by systemctl."""

from __future__ import annotations

import os
from dataclasses import replace

from procession.engines.base import Asked
from procession.engines.steps import Command, News, Steps
from procession.engines.systemd import names
from procession.engines.systemd.render import render
from procession.engines.systemd.service import hands_over
from procession.engines.systemd.status import row
from procession.engines.systemd.units import Unit, carry_out, chosen, is_task, look, systemctl
from procession.refusal import Refusal
from procession.stack.model import Process

TROUBLE = ("failed", "activating")
ALONE = "--job-mode=ignore-dependencies"  # a task that is run again must not take down what Requires= it


def start(asked: Asked) -> Steps[None]:
    """Also what had failed, and after all waits: what has READY to say has said it when this is done."""
    units = [] if asked.names else [names.target(asked.stack)]
    if asked.options.supervisor:
        units, down = [names.supervisor(asked.stack)], []
    else:
        units += _named(asked)
        down = [unit for unit in (yield from look(asked)) if is_wanted(asked, unit) and not unit.is_up]
    if down:
        yield News(f"waiting until ready: {', '.join(unit.name for unit in down)}")
    yield from _bring_up(asked, "start", "--", *units)
    for unit in down:
        yield News(f"{unit.name}: {'done' if is_task(unit) else 'started'}")


def _bring_up(asked: Asked, *words: str) -> Steps[None]:
    """By systemctl, which waits until all is ready. Raises Refusal."""
    done = yield systemctl(asked.options, *words)
    if not done.is_well:
        raise Refusal((yield from _what_failed(asked)) or done.last_words(), "procession logs")


def _what_failed(asked: Asked) -> Steps[str]:
    """systemctl's own words are of the last one that waited in vain; ours, of the first that is to blame."""
    if asked.options.supervisor:
        return ""
    units = yield from look(asked)
    failed = [row(unit, 0.0) for unit in units if unit.said.get("ActiveState") in TROUBLE]
    return "; ".join(f"{each.name}: {', '.join(filter(None, (each.state, each.said)))}" for each in failed)


def _named(asked: Asked) -> list[str]:
    """The units of what was asked for, as declared."""
    units: list[str] = []
    for process, number in chosen(asked):
        stack = asked.stack
        units += [names.instance(stack, process, number)] if number else names.instances(stack, process)
    return units


def stop(asked: Asked) -> Steps[None]:
    """A process as a whole stops listening, too; one instance of it leaves the listening to the others."""
    units = [] if asked.options.supervisor else (yield from look(asked))
    yield from carry_out(systemctl(asked.options, "stop", "--", *_all(asked)))
    for unit in units:
        if unit.is_up and not is_task(unit):
            yield News(f"{unit.name}: stopped")


def _all(asked: Asked) -> list[str]:
    if asked.options.supervisor:
        return [names.supervisor(asked.stack)]
    units = [] if asked.names else [names.target(asked.stack)]
    for process, number in chosen(asked):
        units += _whole(asked, process) if not number else [names.instance(asked.stack, process, number)]
    return units


def _whole(asked: Asked, process: Process) -> list[str]:
    sockets = [names.socket(asked.stack, process)] if hands_over(process) else []
    return [*sockets, names.pattern(asked.stack, process)]


def restart(asked: Asked) -> Steps[None]:
    """All at once, with a gap; what is down is started. A task is run again, if it was named."""
    if asked.options.supervisor:
        yield from carry_out(systemctl(asked.options, "restart", "--", names.supervisor(asked.stack)))
        return
    units = yield from look(asked)
    tasks = [unit for unit in units if is_task(unit) and asked.names]
    others = [unit for unit in units if not is_task(unit) and is_wanted(asked, unit)]
    for task in tasks:
        yield from _bring_up(asked, "restart", ALONE, "--", task.unit)
        yield News(f"{task.name}: done")
    if others:
        yield from _bring_up(asked, "restart", "--", *(unit.unit for unit in others))
    for unit in others:
        yield News(f"{unit.name}: restarted")


def is_wanted(asked: Asked, unit: Unit) -> bool:
    """Whether it runs, or should: it is declared, or was named itself."""
    return unit.is_up or unit.number <= unit.process.replicas or unit.name in asked.names


def scale(asked: Asked) -> Steps[None]:
    """Start what is missing, stop what is too much: the highest numbers. It lasts until the next apply or boot."""
    for name, count in asked.replicas.items():
        yield from _scale(replace(asked, names=(name,)), count)


def _scale(asked: Asked, count: int) -> Steps[None]:
    process, _ = chosen(asked)[0]
    units = yield from look(asked)
    there = {unit.number for unit in units if unit.is_up}
    missing = [number for number in range(1, count + 1) if number not in there]
    surplus = [number for number in sorted(there) if number > count]
    for verb, past, numbers in (("start", "started", missing), ("stop", "stopped", surplus)):
        if numbers:
            yield from _bring_up(asked, verb, "--", *(names.instance(asked.stack, process, one) for one in numbers))
        for number in numbers:
            yield News(f"{process.name}.{number}: {past}")
    if count != process.replicas:
        yield News(f"{process.name}: {count} until the next apply or boot; REPLICAS in the declaration makes it last")


def down(asked: Asked) -> Steps[None]:
    """Stop it all, and take away every file; what the processes wrote themselves (StateDirectory=) stays."""
    unit = names.supervisor(asked.stack) if asked.options.supervisor else names.target(asked.stack)
    yield from stop(asked)
    yield from carry_out(systemctl(asked.options, "disable", "--", unit))
    files = [os.path.join(asked.directory, file.path) for file in render(asked.stack, asked.options).files]
    yield from carry_out(Command(argv=("rm", "-f", "--", *files)))
    yield from carry_out(systemctl(asked.options, "daemon-reload"))
    yield systemctl(asked.options, "reset-failed", "--", *_all(asked))  # fails where nothing had failed: that is well
