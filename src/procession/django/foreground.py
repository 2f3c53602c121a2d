"""Becoming one process of the stack: its program takes the place of this one, so pid, signals and sockets are kept."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from typing import NoReturn

from procession import hostlock
from procession.envfile import read_env_file
from procession.lease.words import say_standby
from procession.owner import Owner, find_owner
from procession.owner import become as become_owner
from procession.refusal import Refusal
from procession.stack.model import Process


def become(process: Process) -> NoReturn:
    """Execute the process's program, in its environment, directory, umask and user. Only a Refusal comes back.

    A singleton takes its host lock first, and waits while another has it, a supervisor's instance or one like us.

    Where systemd has handed sockets over to us (LISTEN_PID is our pid, sd_listen_fds(3)) the program takes them: the
    pid stays, so they are meant for it.
    """
    owner = _find_owner(process)
    environment = environment_of(process, owner)
    argv = process.handoff if process.handoff and _has_listeners() else process.argv
    try:
        os.chdir(process.directory)
    except OSError as error:
        raise Refusal(f"{process.name}: cannot go to {process.directory}: {error.strerror}") from error
    if process.umask is not None:
        os.umask(process.umask)
    _become(process, owner)
    if process.lock:
        _take_lock(process)
    _execute(process.name, argv, environment)


def environment_of(process: Process, owner: Owner) -> dict[str, str]:
    """This process's environment and its user's, over it the env files, over them what was declared. Raises Refusal."""
    values = owner.variables() if process.user else {}
    for path in process.env_files:
        try:
            values |= read_env_file(path)
        except OSError as error:
            raise Refusal(f"{process.name}: cannot read the env file {path}: {error.strerror}") from error
        except ValueError as error:
            raise Refusal(f"{process.name}: cannot read the env file {path}: {error}") from error
    return {**os.environ, **values, **process.environment}


def _has_listeners() -> bool:
    return os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS", "0") != "0"


def _find_owner(process: Process) -> Owner:
    try:
        return find_owner(process.user, process.group)
    except LookupError as error:
        raise Refusal(f"{process.name}: {error}", "correct USER or GROUP") from error


def _become(process: Process, owner: Owner) -> None:
    try:
        become_owner(owner)
    except OSError as error:
        who = f"{process.user}:{process.group}".strip(":")
        fix = "run it as root, or leave USER and GROUP out"
        raise Refusal(f"{process.name}: cannot become {who}: {error.strerror}", fix) from error


def _take_lock(process: Process) -> None:
    def wait(held_by: str, _fd: int) -> None:
        waits = f"{process.name}: waits for the host lock: held by {held_by}"
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's would end in a traceback
        print(f"procession: {waits}", file=sys.stderr, flush=True)
        say_standby(waits)

    holder = f"{process.name} of {process.directory} (pid {os.getpid()})"
    try:
        if not hostlock.is_inherited(process.lock):
            hostlock.acquire(process.lock, holder, wait)
    except OSError as error:
        raise Refusal(f"{process.name}: cannot take the host lock: {error.strerror}") from error


def _execute(name: str, argv: tuple[str, ...], environment: Mapping[str, str]) -> NoReturn:
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and what is ignored stays so over execve(2).
        signal.signal(number, signal.SIG_DFL)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(argv[0], argv, environment)
    except OSError as error:
        raise Refusal(f"{name}: cannot execute {argv[0]}: {error.strerror}") from error
