"""`procession run -- CMD`: one command in the stack's environment, in the place of this process."""

from __future__ import annotations

import argparse
import grp
import os
import pwd
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import NoReturn

from procession.console import declared, text
from procession.refusal import ExitCode, Refusal
from procession.stack.dotenv import parse
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
    environment = build_environment(where)
    try:
        os.chdir(where.directory)
        if where.umask is not None:
            os.umask(where.umask)
        if where.user or where.group:
            _change_user(where)
        sys.stdout.flush()
        os.execvpe(argv[0], argv, environment)
    except FileNotFoundError as error:
        raise Refusal(
            f"cannot run {argv[0]!r}: not found", "see PATH, or give its path", code=ExitCode.REFUSED
        ) from error
    except (OSError, KeyError) as error:
        raise Refusal(f"cannot run {argv[0]!r} in {where.directory}: {error}") from error


def build_environment(where: Place) -> dict[str, str]:
    """Ours, the env files over it, the declared variables over them. The site's own programs are on PATH."""
    environment = dict(os.environ)
    for path in where.env_files:
        environment.update(_read_env_file(path))
    environment.update(where.environment)
    programs = os.path.dirname(sys.executable)
    search = environment.get("PATH", os.defpath).split(os.pathsep)
    return environment if programs in search else {**environment, "PATH": os.pathsep.join([programs, *search])}


def _read_env_file(path: str) -> Mapping[str, str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            read = parse(file.read(), path)
    except OSError as error:
        raise Refusal(f"cannot read the env file {path}: {error.strerror}") from error
    if read.problems:
        raise Refusal(f"{path}: {read.problems[0].what}", read.problems[0].fix, code=ExitCode.NOT_SO)
    return read.values()


def _change_user(where: Place) -> None:
    """Raises KeyError for a user or group that is not there, OSError where we may not."""
    user = pwd.getpwnam(where.user) if where.user else None
    gid = grp.getgrnam(where.group).gr_gid if where.group else user.pw_gid if user else os.getgid()
    if user and (os.getuid(), os.getgid()) != (user.pw_uid, gid):
        os.initgroups(user.pw_name, gid)
    os.setgid(gid)
    if user:
        os.setuid(user.pw_uid)
