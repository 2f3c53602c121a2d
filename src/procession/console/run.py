"""`procession run -- CMD`: one command in the stack's environment, in the place of this process."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import NoReturn

from procession.console import declared, text
from procession.envfile import read_env_file
from procession.owner import Owner, find_owner
from procession.owner import become as become_owner
from procession.refusal import ExitCode, Refusal
from procession.stack.model import Stack

SUMMARY = "Run one command in the stack's environment"
EXAMPLES = ("procession run -- python manage.py migrate", "procession run --like worker -- sh")
DETAILS = """\
Its environment is yours, then the env files and variables that all processes have in common; with --like NAME, those of
that process, and its directory, user, group and umask."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    declared.add_arguments(parser)
    parser.add_argument("--like", metavar="NAME", help="take everything but the command from this process")
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="what to run, with its arguments"
    )


def run(options: argparse.Namespace) -> int:
    argv = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not argv:
        raise Refusal("say what to run: procession run -- COMMAND ...", code=ExitCode.USAGE)
    loaded = declared.load_or_say(options)
    if loaded is None:
        return ExitCode.NOT_SO
    return become(place(loaded.stack(), options.like), argv)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a command runs, and as whom."""

    directory: str
    env_files: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    group: str = ""
    umask: int | None = None


def place(stack: Stack, like: str | None) -> Place:
    """That of the process `like`, or what all processes have in common. Raises Refusal for an unknown name."""
    if not like:
        return common_place(stack)
    process = stack.process(like)
    if process is None:
        names = [process.name for process in stack.processes]
        known = text.suggestion(like, names) or f"; there are: {', '.join(names)}"
        raise Refusal(f"there is no process {like!r}{known}", code=ExitCode.USAGE)
    return Place(
        directory=process.directory,
        env_files=process.env_files,
        environment=process.environment,
        user=process.user,
        group=process.group,
        umask=process.umask,
    )


def common_place(stack: Stack) -> Place:
    """The project's directory, with the env files and variables that every process has."""
    return Place(
        directory=stack.directory,
        env_files=tuple(
            path for path in stack.processes[0].env_files if all(path in one.env_files for one in stack.processes)
        ),
        environment=reduce(_shared, [process.environment for process in stack.processes]),
    )


def _shared(one: Mapping[str, str], other: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in one.items() if other.get(name) == value}


def become(where: Place, argv: list[str]) -> NoReturn:
    """Exec `argv` there. Raises Refusal."""
    owner = _find_owner(where)
    environment = build_environment(where, owner)
    try:
        os.chdir(where.directory)
        if where.umask is not None:
            os.umask(where.umask)
        become_owner(owner)
        sys.stdout.flush()
        os.execvpe(argv[0], argv, environment)
    except FileNotFoundError as error:
        raise Refusal(f"cannot run {argv[0]!r}: not found", "see PATH, or give its path") from error
    except OSError as error:
        raise Refusal(f"cannot run {argv[0]!r} in {where.directory}: {error}") from error


def build_environment(where: Place, owner: Owner) -> dict[str, str]:
    """Ours and the user's, the env files over it, the declared variables over them. The site's programs are on PATH.

    Raises Refusal.
    """
    environment = {**os.environ, **(owner.variables() if where.user else {})}
    for path in where.env_files:
        environment.update(_read(path))
    environment.update(where.environment)
    programs = os.path.dirname(sys.executable)
    search = environment.get("PATH", os.defpath).split(os.pathsep)
    return environment if programs in search else {**environment, "PATH": os.pathsep.join([programs, *search])}


def _find_owner(where: Place) -> Owner:
    try:
        return find_owner(where.user, where.group)
    except LookupError as error:
        raise Refusal(str(error), "correct USER or GROUP") from error


def _read(path: str) -> dict[str, str]:
    try:
        return read_env_file(path)
    except OSError as error:
        raise Refusal(f"cannot read the env file {path}: {error.strerror}") from error
    except ValueError as error:
        raise Refusal(f"cannot read the env file {path}: {error}", code=ExitCode.NOT_SO) from error
