"""What makes systemd take the files in: `apply`, once they are in place; and its own checker, before."""

from __future__ import annotations

import os
from dataclasses import replace

from procession.engines.base import Asked
from procession.engines.steps import Command, News, Steps
from procession.engines.systemd import names
from procession.engines.systemd.roll import roll
from procession.engines.systemd.service import hands_over
from procession.engines.systemd.units import DOWN, Unit, carry_out, is_task, look, show, systemctl
from procession.engines.systemd.verbs import restart, start
from procession.refusal import Refusal
from procession.stack.model import Process

UNIT_ENDINGS = (".service", ".socket", ".target")


def check(asked: Asked) -> Steps[None]:
    """Whether systemd takes these files, and is there at all. Raises Refusal."""
    yield from verify(asked)
    done = yield systemctl(asked.options, "show", "--property=Version", looks=True)
    if not done.is_well:
        whose = "no systemd of yours runs here" if asked.options.user_mode else "systemd does not run this machine"
        raise Refusal(f"{whose}: {done.last_words()}", "procession render --engine systemd writes the units without it")


def verify(asked: Asked) -> Steps[None]:
    """`systemd-analyze verify`, which ends well even where it complains: so not a word may come. Raises Refusal."""
    units = sorted(name for name in os.listdir(asked.directory) if name.endswith(UNIT_ENDINGS))
    mode = ["--user"] if asked.options.user_mode else []
    files = [os.path.join(asked.directory, name) for name in units]
    done = yield Command(argv=("systemd-analyze", *mode, "--man=no", "verify", *files), looks=True)
    if not done.is_well or done.stderr.strip():
        raise Refusal(f"systemd does not take these units: {done.stderr.strip() or done.last_words()}")


def apply(asked: Asked) -> Steps[None]:
    """End what is no longer declared, start what is new, and roll what has changed."""
    yield from _end_what_is_gone(asked)
    yield from carry_out(systemctl(asked.options, "daemon-reload"))
    unit = names.supervisor(asked.stack) if asked.options.supervisor else names.target(asked.stack)
    yield from carry_out(systemctl(asked.options, "enable", "--", unit))
    if asked.options.supervisor:
        yield from _begin_or_tell(asked, unit)
        return
    before = yield from look(asked)
    yield from _end_surplus(asked, before)
    yield from _end_changed_sockets(asked, before)
    yield from start(asked)
    running = {unit.process.name for unit in before if unit.is_up}
    for process in asked.stack.processes:
        if process.name in running and _is_changed(asked, process):
            yield from _renew(asked, process)


def _begin_or_tell(asked: Asked, unit: str) -> Steps[None]:
    """One that runs reads the declaration anew; with another unit it is restarted, which its instances survive."""
    said = (yield from show(asked.options, unit)).get(unit, {})
    if said.get("ActiveState") != "active":
        yield from start(asked)
    elif unit in asked.changed:
        yield from carry_out(systemctl(asked.options, "restart", "--", unit))
    else:
        yield from carry_out(systemctl(asked.options, "reload", "--", unit))
        yield News("our supervisor reads the declaration anew; see: procession events")


def _end_what_is_gone(asked: Asked) -> Steps[None]:
    """Before the reload, while systemd still knows how they are to be stopped; those that it still has."""
    there = {names.file(asked.stack, process) for process in asked.stack.processes}
    for process in filter(hands_over, asked.stack.processes):
        there |= {names.socket(asked.stack, process), names.listener(asked.stack, process)}
    endings = tuple(path for path in asked.changed if path.endswith((".service", ".socket")) and path not in there)
    gone = [path for path in endings if not os.path.exists(os.path.join(asked.directory, path))]
    if gone:
        said = yield from show(asked.options, *(path.replace("@.service", "@*.service") for path in gone))
        up = [unit for unit, one in said.items() if one.get("ActiveState") not in DOWN]
        if up:
            yield from carry_out(systemctl(asked.options, "stop", "--", *up))


def _end_surplus(asked: Asked, before: list[Unit]) -> Steps[None]:
    surplus = [unit.unit for unit in before if unit.is_up and unit.number > unit.process.replicas]
    if surplus:
        yield from carry_out(systemctl(asked.options, "stop", "--", *surplus))


def _end_changed_sockets(asked: Asked, before: list[Unit]) -> Steps[None]:
    """A socket cannot listen anew while anybody has it open; `start` brings all of them back."""
    for process in asked.stack.processes:
        socket = names.socket(asked.stack, process)
        if hands_over(process) and socket in asked.changed and any(unit.process == process for unit in before):
            yield from carry_out(systemctl(asked.options, "stop", "--", socket, names.pattern(asked.stack, process)))


def _is_changed(asked: Asked, process: Process) -> bool:
    """Whether its unit, or its variables, are others; with another socket it was started anew already."""
    if names.socket(asked.stack, process) in asked.changed:
        return False
    return bool({names.file(asked.stack, process), names.env_file(asked.stack, process)} & set(asked.changed))


def _renew(asked: Asked, process: Process) -> Steps[None]:
    """A task runs again, a process is rolled."""
    one = replace(asked, names=(process.name,))
    units = yield from look(one)
    if units and is_task(units[0]):
        yield from restart(one)
    else:
        yield from roll(one)
