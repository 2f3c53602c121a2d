"""What systemd cannot do of a declaration, and what a person should know before it is applied."""

from __future__ import annotations

from collections.abc import Iterator

from procession.engines.secrets import in_commands, of_env
from procession.engines.systemd.hardening import binds_low_port
from procession.engines.systemd.options import OLDEST_VERSION, Options
from procession.engines.systemd.service import beats, hands_over, is_told, is_watched
from procession.errors import Problem
from procession.stack.model import Kind, ProbeType, Process, RestartWhen, Stack

APP_FIX = 'add "procession" to INSTALLED_APPS'


def problems(stack: Stack, options: Options) -> Iterator[Problem]:
    if options.version < OLDEST_VERSION:
        what = f"must be {OLDEST_VERSION} or later, got {options.version}"
        yield Problem("E009", "stack.engines.systemd.version", what, 'PRODUCTION_STACK["ENGINES"]["systemd"]')
    if not options.supervisor:
        yield from _roots(stack, options)
        yield from of_env(stack, "systemd", "an env file beside the units", writes=options.write_secrets)
        yield from in_commands(stack)
        for process in stack.processes:
            yield from _of(process, options)


def _of(process: Process, options: Options) -> Iterator[Problem]:
    yield from _owner(process, options)
    if process.kind is Kind.PROCESS:
        yield from _readiness(process)
        yield from _liveness(process)
        yield from _roll(process)
        yield from _age(process)


def unwritable(process: Process, why: str) -> Problem:
    return _problem(process, "", "E110", f"a systemd unit cannot hold this: {why}", "write it in another way")


def _problem(process: Process, where: str, id: str, what: str, fix: str) -> Problem:
    return Problem(id, f"{process.name}.{where}" if where else process.name, what, process.origin.text(), fix)


def _owner(process: Process, options: Options) -> Iterator[Problem]:
    if options.user_mode:
        if process.user or process.group:
            what = "units of a user run as that user"
            yield _problem(process, "user", "E112", what, "leave USER and GROUP out, or USER_MODE")
        if binds_low_port(process):
            yield _problem(process, "args", "E112", "units of a user bind no port under 1024", "take a higher port")


def _roots(stack: Stack, options: Options) -> Iterator[Problem]:
    roots = [process.name for process in stack.processes if not process.user]
    if roots and not options.user_mode:
        fix = 'write "USER": "www-data" in PRODUCTION_STACK, or whoever owns the site\'s data'
        yield Problem("W112", "stack.user", f"no USER is declared, so root runs {', '.join(roots)}", "", fix)


def _readiness(process: Process) -> Iterator[Problem]:
    if not is_told(process) and process.readiness.type is not ProbeType.NONE:
        what = f"systemd asks no {process.readiness.type} probe, so it counts as ready once its program runs"
        yield _problem(process, "readiness", "W113", what, APP_FIX + ": then the process tells it")


def _liveness(process: Process) -> Iterator[Problem]:
    if process.liveness is not None and not (is_watched(process) or beats(process)):
        what = f"systemd asks no {process.liveness.type} probe: what hangs is not seen"
        fix = "run it by our supervisor, under systemd: SUPERVISOR = True"
        yield _problem(process, "liveness", "W114", what, fix)


def _roll(process: Process) -> Iterator[Problem]:
    if process.listeners and not hands_over(process):
        what = f"{process.backend} takes no socket over: a restart or roll leaves its port closed for a moment"
        yield _problem(process, "args", "W115", what, "take gunicorn, uvicorn, granian, hypercorn or waitress")


def _age(process: Process) -> Iterator[Problem]:
    if process.max_age_seconds and process.restart is not RestartWhen.ALWAYS:
        what = "systemd would end it for good: it is not restarted always"
        yield _problem(process, "max_age", "W116", what, 'write "RESTART": "always", or leave MAX_AGE out')
