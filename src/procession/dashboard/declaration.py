"""What is declared of a process, in words: out of the stack that its supervisor runs. Secrets stay hidden."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from procession.engines import applied as memory
from procession.envfile import read_env_file
from procession.refusal import Refusal
from procession.stack.codec import from_data
from procession.stack.hidden import hide, hide_in_argv, hide_in_text
from procession.stack.model import Limits, Probe, ProbeType, Process, Stack
from procession.units import show_bytes, show_seconds
from procession.watching.look import is_elsewhere

STACK_NAME = "stack.json"  # in the stack directory


class Fact(NamedTuple):
    label: str
    text: str
    is_code: bool = False


class Variable(NamedTuple):
    """Of the environment: `source` is the env file that it comes from, "" when it was declared."""

    name: str
    shown: str
    source: str = ""


def declared(directory: str, name: str) -> Process | None:
    """The process as it runs; None when nothing is written of it that we may read, or another version wrote it."""
    if is_elsewhere(directory):
        return _applied(directory, name)
    try:
        with open(os.path.join(directory, STACK_NAME), encoding="utf-8") as file:
            return from_data(Stack, json.load(file)).process(name)
    except (OSError, ValueError, TypeError):
        return None


def _applied(directory: str, name: str) -> Process | None:
    try:
        applied = memory.read(directory)
    except (OSError, Refusal):
        return None
    return applied.stack.process(name) if applied else None


def facts(process: Process) -> list[Fact]:
    """What a person asks about it, in the order in which it matters; what is as usual is left out."""
    return [Fact(label, hide_in_text(text), is_code) for label, text, is_code in _facts(process) if text]


def variables(process: Process) -> list[Variable]:
    """Its env files', then its own, which win. What it inherits from the supervisor is not among them."""
    found: dict[str, Variable] = {}
    for path in process.env_files:
        try:
            values = read_env_file(path)
        except (OSError, ValueError) as error:
            found[path] = Variable(path, f"cannot be read: {error}", path)
            continue
        found |= {name: Variable(name, hide(name, value), path) for name, value in values.items()}
    found |= {name: Variable(name, hide(name, value)) for name, value in process.environment.items()}
    return sorted(found.values())


def _facts(process: Process) -> Iterator[Fact]:
    yield Fact("Declared in", process.origin.text())
    yield Fact("Backend", process.backend)
    yield Fact("Command", shlex.join(hide_in_argv(process.argv)), is_code=True)
    if process.handoff and process.handoff != process.argv:
        yield Fact("With the socket handed over", shlex.join(hide_in_argv(process.handoff)), is_code=True)
    yield Fact("Listens on", ", ".join(listener.bind for listener in process.listeners))
    yield Fact("Directory", process.directory)
    yield Fact("Runs as", ":".join(part for part in (process.user, process.group) if part))
    yield Fact("Instances declared", str(process.replicas))
    yield Fact("Depends on", ", ".join(f"{one.name} ({one.condition})" for one in process.depends_on))
    yield Fact("Startup", _probe(process.startup))
    yield Fact("Readiness", _probe(process.readiness))
    yield Fact("Liveness", _probe(process.liveness))
    yield Fact("Stop", _stop(process))
    yield Fact("Restart", _restart(process))
    yield Fact("Limits", _limits(process.limits))
    yield Fact("Renewed at the age of", show_seconds(process.max_age_seconds) if process.max_age_seconds else "")
    yield Fact("Log", _log(process))
    yield Fact("Besides", _flags(process))


def _probe(probe: Probe | None) -> str:
    if probe is None:
        return ""
    what = {
        ProbeType.HTTP: f"GET {probe.path}{' on ' + probe.address if probe.address else ''}",
        ProbeType.TCP: f"connects to {probe.address or 'its first listener'}",
        ProbeType.EXEC: shlex.join(hide_in_argv(probe.command)),
        ProbeType.FILE: f"the file {probe.file}",
        ProbeType.NONE: "as soon as it runs",
        ProbeType.NOTIFY: "says so itself (sd_notify)",
        ProbeType.APP: "the Django app says so, once the site is loaded",
        ProbeType.HEARTBEAT: "its main loop touches a file",
    }[probe.type]
    asks = probe.type not in (ProbeType.NONE, ProbeType.NOTIFY, ProbeType.APP)
    return f"{what}, every {show_seconds(probe.interval_seconds)}" if asks else what


def _stop(process: Process) -> str:
    steps = [f"SIG{step.signal}, {show_seconds(step.seconds)} to end" for step in process.stop]
    return "; ".join([*steps, "then SIGKILL to what is left"])


def _restart(process: Process) -> str:
    backoff = process.backoff
    waits = f"waits {show_seconds(backoff.first_seconds)} to {show_seconds(backoff.longest_seconds)} after early deaths"
    return f"{process.restart}; {waits}" if process.restart != "never" else "never"


def _limits(limits: Limits) -> str:
    said = (
        f"{show_bytes(limits.memory_bytes)} of memory" if limits.memory_bytes else "",
        f"{limits.cpu:g} cores" if limits.cpu else "",
        f"{limits.files} open files" if limits.files else "",
        f"{limits.processes} processes" if limits.processes else "",
        f"niceness {limits.nice}" if limits.nice else "",
    )
    return ", ".join(part for part in said if part)


def _log(process: Process) -> str:
    log = process.log
    return f"{log.file}, rotated at {show_bytes(log.max_size_bytes)}, {log.keep} are kept"


def _flags(process: Process) -> str:
    said = {
        "singleton: never two at once": process.singleton,
        f"lease {process.lease}": bool(process.lease),
        "has a terminal (procession attach)": process.tty,
        "gains no rights (NO_NEW_PRIVS)": process.no_new_privs,
    }
    return "; ".join(text for text, holds in said.items() if holds)
