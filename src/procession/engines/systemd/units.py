"""What systemctl says about the units of a site, in one call; and which of them somebody means by "web" or "web.2"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from procession.engines.base import Asked
from procession.engines.steps import Command, Steps
from procession.engines.systemd import names
from procession.engines.systemd.options import Options
from procession.refusal import Refusal
from procession.run import Done
from procession.stack.model import Kind, Process

PROPERTIES = (
    "Id", "LoadState", "ActiveState", "SubState", "Result", "MainPID", "ExecMainStatus", "ExecMainCode", "NRestarts",
    "ActiveEnterTimestampMonotonic", "StatusText",
)  # fmt: skip
DOWN = frozenset({"inactive", "failed"})


@dataclass(frozen=True, slots=True)
class Unit:
    """One instance and what `systemctl show` says of it."""

    process: Process
    number: int
    unit: str
    said: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"{self.process.name}.{self.number}"

    @property
    def is_up(self) -> bool:
        """Whether it runs, or is about to."""
        return self.said.get("ActiveState", "inactive") not in DOWN


def systemctl(options: Options, *words: str, looks: bool = False) -> Command:
    return Command(argv=("systemctl", *(["--user"] if options.user_mode else []), *words), looks=looks)


def carry_out(command: Command) -> Steps[Done]:
    """Run it. Raises Refusal with its last words if it fails."""
    done = yield command
    if not done.is_well:
        raise Refusal(f"{command.text()}: {done.last_words()}")
    return done


def chosen(asked: Asked) -> list[tuple[Process, int]]:
    """What was asked for, as (process, number); number 0 stands for all its instances. Empty names: all processes."""
    found = []
    for name in asked.names or [process.name for process in asked.stack.processes]:
        process = asked.stack.process(name.partition(".")[0])
        assert process is not None, "the console looks names up"
        number = name.partition(".")[2]
        found.append((process, int(number) if number.isdecimal() else 0))
    return found


def look(asked: Asked) -> Steps[list[Unit]]:
    """All declared instances that were asked for, and those beside them that are there; one call for all."""
    wanted = chosen(asked)
    units: list[str] = []
    for process, number in wanted:
        declared = names.instances(asked.stack, process)
        units += [names.instance(asked.stack, process, number)] if number else declared
        units += [names.pattern(asked.stack, process)] if not number and names.is_template(process) else []
    said = yield from show(asked.options, *dict.fromkeys(units))
    processes = dict.fromkeys(process.name for process, _ in wanted)
    each = [process for process in asked.stack.processes if process.name in processes]
    return [unit for process in each for unit in _units_of(asked, process, said)]


def _units_of(asked: Asked, process: Process, said: Mapping[str, Mapping[str, str]]) -> list[Unit]:
    """Those of one process, in the order of their numbers."""
    numbers = {names.number(asked.stack, process, unit): unit for unit in said}
    return [Unit(process, number, unit, said[unit]) for number, unit in sorted(numbers.items()) if number]


def show(options: Options, *units: str) -> Steps[dict[str, dict[str, str]]]:
    """What systemd says of each of these units, by its name."""
    properties = f"--property={','.join(PROPERTIES)}"
    done = yield from carry_out(systemctl(options, "show", properties, "--", *units, looks=True))
    return read(done.stdout)


def read(text: str) -> dict[str, dict[str, str]]:
    """`systemctl show` of several units: a block of KEY=VALUE lines for each, an empty line between; by Id."""
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in text.split("\n\n")]
    return {block["Id"]: block for block in blocks if "Id" in block}


def is_task(unit: Unit) -> bool:
    return unit.process.kind is Kind.TASK
