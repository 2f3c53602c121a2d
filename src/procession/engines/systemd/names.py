"""How the units of a site are called, and back: which instance a unit is.

mysite.target                    the whole site
mysite-web.socket                what web listens on; mysite-web.listener.service keeps systemd from acting on it
mysite-web@.service              web; mysite-web@1.service is web.1
mysite-beat.service              a singleton: no template, so that there can be no second one
mysite-migrate.service           a task
mysite-web.env                   what is declared in ENV
"""

from __future__ import annotations

from procession.stack.model import Kind, Process, Stack

SERVICE = ".service"


def target(stack: Stack) -> str:
    return f"{stack.name}.target"


def supervisor(stack: Stack) -> str:
    """The unit of `procession supervise`."""
    return f"{stack.name}{SERVICE}"


def is_template(process: Process) -> bool:
    return process.kind is Kind.PROCESS and not process.singleton


def base(stack: Stack, process: Process) -> str:
    return f"{stack.name}-{process.name}"


def file(stack: Stack, process: Process) -> str:
    """The unit file that all instances share."""
    return f"{base(stack, process)}{'@' if is_template(process) else ''}{SERVICE}"


def instance(stack: Stack, process: Process, number: int) -> str:
    """The unit of web.NUMBER."""
    return f"{base(stack, process)}@{number}{SERVICE}" if is_template(process) else file(stack, process)


def instances(stack: Stack, process: Process) -> tuple[str, ...]:
    """The units of the declared instances."""
    return tuple(instance(stack, process, number) for number in range(1, process.replicas + 1))


def pattern(stack: Stack, process: Process) -> str:
    """What systemctl and journalctl take for all instances that are there, declared or not."""
    return f"{base(stack, process)}@*{SERVICE}" if is_template(process) else file(stack, process)


def socket(stack: Stack, process: Process) -> str:
    return f"{base(stack, process)}.socket"


def listener(stack: Stack, process: Process) -> str:
    return f"{base(stack, process)}.listener{SERVICE}"


def env_file(stack: Stack, process: Process) -> str:
    return f"{base(stack, process)}.env"


def number(stack: Stack, process: Process, unit: str) -> int:
    """The NUMBER of web.NUMBER, of the unit of that name; 0 if it is none of `process`."""
    if not is_template(process):
        return int(unit == file(stack, process))
    text = unit.removeprefix(f"{base(stack, process)}@").removesuffix(SERVICE)
    return int(text) if text.isdecimal() and instance(stack, process, int(text)) == unit else 0


def who(stack: Stack, unit: str) -> str:
    """The instance that a unit is, "web.1"; or the unit's own name."""
    for process in stack.processes:
        if found := number(stack, process, unit):
            return f"{process.name}.{found}"
    return unit
