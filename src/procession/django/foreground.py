"""Becoming one process of the stack: its program takes the place of this one, so pid, signals and sockets are kept."""

from __future__ import annotations

import grp
import os
import pwd
import signal
import sys
from collections.abc import Mapping
from typing import NoReturn

from procession.errors import Problem
from procession.refusal import Refusal
from procession.sources.files import read_text
from procession.stack import dotenv
from procession.stack.model import Process


def become(process: Process) -> NoReturn:
    """Execute the process's program, in its environment, directory, umask and user. Only a Refusal comes back.

    Where systemd has handed sockets over to us (LISTEN_PID is our pid, sd_listen_fds(3)) the program takes them: the
    pid stays, so they are meant for it.
    """
    environment = environment_of(process)
    argv = process.handoff if process.handoff and _has_listeners() else process.argv
    try:
        os.chdir(process.directory)
    except OSError as error:
        raise Refusal(f"{process.name}: cannot go to {process.directory}: {error.strerror}") from error
    if process.umask is not None:
        os.umask(process.umask)
    _take_user(process)
    _execute(process.name, argv, environment)


def environment_of(process: Process) -> dict[str, str]:
    """This process's environment, over it the env files, over them what was declared."""
    values: dict[str, str] = {}
    for path in process.env_files:
        text = read_text(path)
        if isinstance(text, Problem):
            raise Refusal(f"{process.name}: {path} {text.what}", text.fix)
        values |= dotenv.parse(text, path).values()
    return {**os.environ, **values, **process.environment}


def _has_listeners() -> bool:
    return os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS", "0") != "0"


def _take_user(process: Process) -> None:
    """The groups first: without root's rights they could not be changed any more."""
    if not process.user and not process.group:
        return
    who = f"{process.user}:{process.group}".strip(":")
    try:
        uid, gid, name = _user(process.user)
        gid = _group(process.group) if process.group else gid
        if (uid, gid) != (os.geteuid(), os.getegid()):
            os.initgroups(name, gid) if name else os.setgroups([gid])
            os.setgid(gid)
            os.setuid(uid)
    except KeyError as error:
        raise Refusal(f"{process.name}: there is no user or group {who}") from error
    except OSError as error:
        fix = "run it as root, or leave USER and GROUP out"
        raise Refusal(f"{process.name}: cannot become {who}: {error.strerror}", fix) from error


def _user(name: str) -> tuple[int, int, str]:
    """uid, group and name; a number that no user has is a uid all the same."""
    if not name:
        return os.geteuid(), os.getegid(), ""
    try:
        found = pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
    except KeyError:
        if not name.isdecimal():
            raise
        return int(name), int(name), ""
    return found.pw_uid, found.pw_gid, found.pw_name


def _group(name: str) -> int:
    return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid


def _execute(name: str, argv: tuple[str, ...], environment: Mapping[str, str]) -> NoReturn:
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and what is ignored stays so over execve(2).
        signal.signal(number, signal.SIG_DFL)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(argv[0], argv, environment)
    except OSError as error:
        raise Refusal(f"{name}: cannot execute {argv[0]}: {error.strerror}") from error
