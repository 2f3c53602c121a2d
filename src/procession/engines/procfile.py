"""Procfile: the way back, for foreman, honcho and overmind on this machine. It is written; others read and run it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Never

from procession.engines.base import Asked, Engine, Rendering
from procession.engines.files import File
from procession.engines.secrets import in_commands, left_out, secret_variables
from procession.engines.steps import Steps
from procession.engines.text import shell
from procession.errors import Problem
from procession.refusal import ExitCode, Refusal
from procession.stack.model import Kind, Process, Stack

PROCFILE = "Procfile"
RELEASE = "release"
DRIVEN_BY = "write it: procession render --engine procfile --output .; then honcho, overmind or `procession up` run it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """There is nothing to say about it."""


def render(stack: Stack, _options: Options) -> Rendering:
    """One line for each process. Its own variables stand in it, since a Procfile has no other place; secrets do not."""
    lines, problems = [], list(_lacking(stack))
    for process in stack.processes:
        try:
            lines.append(f"{_names(stack)[process.name]}: {_line(process, stack)}\n")
        except ValueError as error:
            problems.append(_problem("E101", process, "command", str(error), "put it into a script"))
    return Rendering(files=(File(path=PROCFILE, text="".join(lines)),), problems=tuple(problems))


def _names(stack: Stack) -> dict[str, str]:
    """Whose line has which name: the one task is `release`, as it is called there."""
    tasks = [process.name for process in stack.processes if process.kind is Kind.TASK]
    is_free = stack.process(RELEASE) is None
    return {
        process.name: RELEASE if is_free and tasks == [process.name] else process.name for process in stack.processes
    }


def _line(process: Process, stack: Stack) -> str:
    """Raises ValueError where a line cannot hold it."""
    secret = secret_variables(process)
    variables = {name: value for name, value in process.environment.items() if name not in secret}
    line = shell.shell_line(process.argv, variables)
    if process.directory == stack.directory:
        return line
    return f"{shell.shell_line(('cd', process.directory), {})} && exec {shell.as_command(process.argv, variables)}"


def _lacking(stack: Stack) -> Iterator[Problem]:
    """A Procfile says commands and nothing else."""
    yield from left_out(stack, "left out of the Procfile", "set {} in .env")
    yield from in_commands(stack)
    for process in stack.processes:
        if process.env_files and any(os.path.basename(path) != ".env" for path in process.env_files):
            yield _problem(
                "W100", process, "env_file", "a Procfile reads .env alone", "set the variables where it runs"
            )
        if process.replicas > 1:
            fix = f"say it where it runs: honcho start -c {process.name}={process.replicas}"
            yield _problem("W100", process, "replicas", "a Procfile has no numbers of instances", fix)
        if process.user:
            yield _problem("W100", process, "user", "a Procfile has no users", "start all of it as that one")


def _problem(id: str, process: Process, key: str, what: str, fix: str) -> Problem:
    return Problem(id, f"{process.name}.{key}", what, process.origin.text(), fix)


def _refuse(_asked: Asked) -> Steps[Never]:
    yield from ()
    raise Refusal("a Procfile is only written, and not run by us", DRIVEN_BY, code=ExitCode.USAGE)


VERBS = ("apply", "status", "start", "stop", "restart", "roll", "scale", "down", "logs", "events")
ENGINE = Engine(
    name="procfile",
    title="a Procfile",
    options=Options,
    runs=False,
    render=render,
    directory=lambda stack, _options: os.path.join(stack.directory, ".procession", "procfile"),
    check=_refuse,
    apply=_refuse,
    status=_refuse,
    verbs={},
    cannot=dict.fromkeys(VERBS, DRIVEN_BY),
)
