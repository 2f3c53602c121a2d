"""What supervisord cannot do, or not as declared: said at render, each with what comes closest."""

from __future__ import annotations

import os
from collections.abc import Iterator

from procession.engines.secrets import in_commands, of_env
from procession.engines.supervisord import options as where
from procession.engines.supervisord.options import Options, is_held
from procession.engines.text import supervisord as text
from procession.errors import Problem
from procession.stack.model import Condition, Kind, Probe, ProbeType, Process, RestartWhen, Stack

SOCKET_BYTES_MAX = 107  # sun_path (unix(7)), less the zero
TEMPORARY_BYTES = 11  # supervisord binds `supervisor.sock.PID` and renames it
EMBEDDED = "the embedded supervisor does it"


def find_problems(stack: Stack, options: Options) -> Iterator[Problem]:
    yield from _place(stack, options)
    yield from of_env(stack, "supervisord", where.CONF, writes=options.write_secrets)
    yield from in_commands(stack)
    if len({(process.user, process.group) for process in stack.processes}) > 1:
        fix = "say one USER for all in PRODUCTION_STACK, and supervisord runs as that one"
        yield Problem("W100", "supervisord", "must be root, since its processes run as several users", fix=fix)
    for process in stack.processes:
        yield from _listening(process)
        yield from _paths(process)
        yield from _lacking(process, stack)


def _place(stack: Stack, options: Options) -> Iterator[Problem]:
    folder = where.directory(stack, options)
    fix = 'say a shorter one: PRODUCTION_STACK["ENGINES"]["supervisord"]["DIRECTORY"]'
    if len(os.fsencode(os.path.join(folder, where.SOCKET))) > SOCKET_BYTES_MAX - TEMPORARY_BYTES:
        yield Problem("E101", "supervisord", f"the path of its socket is too long: {folder}/{where.SOCKET}", fix=fix)
    if "%" in folder or not text.supervisord_can_hold(folder):
        yield Problem("E101", "supervisord", f"its files cannot be in {folder!r}: it cannot read that path", fix=fix)


def _listening(process: Process) -> Iterator[Problem]:
    if process.replicas > 1 and process.listeners and not is_held(process):
        what = "supervisord can hold one listener of IPv4 or a path, and only for a server that can take it"
        yield _problem("E101", process, "replicas", what, "REPLICAS = 1, and more workers in ARGS")


def _paths(process: Process) -> Iterator[Problem]:
    for key, path in (("directory", process.directory), ("log.file", process.log.file)):
        try:
            text.supervisord_value(path)
        except ValueError as error:
            yield _problem("E101", process, key, str(error), "choose another path")


def _lacking(process: Process, stack: Stack) -> Iterator[Problem]:
    """Warnings: it runs, and something that was declared is not done."""
    limits = process.limits
    lacks = {
        "liveness": (
            process.liveness is not None,
            "nobody asks whether it hangs",
            _asks(process.liveness),
        ),
        "max_age": (process.max_age_seconds > 0, "it is never renewed", "`procession roll` by a timer comes closest"),
        "limits.memory": (limits.memory_bytes > 0, "nothing holds it to that", "memmon of superlance comes closest"),
        "limits.cpu": (limits.cpu > 0, "nothing holds it to that", "NICE comes closest"),
        "log.max_age": (process.log.max_age_seconds > 0, "logs are rotated by size alone", "MAX_SIZE"),
        "stop": (len(process.stop) > 1, _one_signal(process), EMBEDDED),
        "restart": (_judges_signals(process), "a death by a signal always counts as a failure", EMBEDDED),
    }
    for key, (is_lacking, what, closest) in lacks.items():
        if is_lacking:
            yield _problem("W100", process, key, f"supervisord: {what}", closest)
    for dependency in process.depends_on:
        if dependency.condition is Condition.READY and _is_process(stack, dependency.name):
            what = f"supervisord: it starts after {dependency.name}, but does not wait until that is ready"
            yield _problem("W100", process, "depends_on", what, "it is started again until it finds what it needs")


def _asks(liveness: Probe | None) -> str:
    is_http = liveness is not None and liveness.type is ProbeType.HTTP
    return "httpok of superlance comes closest" if is_http else EMBEDDED


def _is_process(stack: Stack, name: str) -> bool:
    process = stack.process(name)
    return process is not None and process.kind is Kind.PROCESS


def _one_signal(process: Process) -> str:
    return f"sends {process.stop[0].signal} alone, waits {process.stop_seconds:g} s, then SIGKILL"


def _judges_signals(process: Process) -> bool:
    return process.restart is RestartWhen.ON_FAILURE and any(code < 0 for code in process.success)


def _problem(id: str, process: Process, key: str, what: str, fix: str) -> Problem:
    return Problem(id, f"{process.name}.{key}", what, process.origin.text(), fix)
