"""What PRODUCTION_STACK["ENGINES"]["supervisord"] may say, and what follows from it: where things are."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from procession.stack.model import Kind, Process, Stack, setting

CONF = "supervisord.conf"
SOCKET = "supervisor.sock"
LOG = "supervisord.log"
PID = "supervisord.pid"
STACK_DIRECTORY = ".procession"  # of the project: with what was applied, and the files of our own supervisor
READY = "ready"  # the folder where instances say that they are
_PROGRAMS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "programs")
LAUNCH = os.path.join(_PROGRAMS, "launch.py")
HOLD = os.path.join(_PROGRAMS, "hold.py")
LEFTOVERS = os.path.join(_PROGRAMS, "leftovers.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that a person may say about this engine."""

    directory: str = setting("Where its files, socket and logs are; .procession/supervisord in the project", default="")
    supervisord: str = setting("The program; found beside Procession's own Python or on PATH if not said", default="")
    write_secrets: bool = setting(
        "Secrets of ENV are written into its files, of mode 0600; else they are refused", default=False
    )


def directory(stack: Stack, options: Options) -> str:
    """Absolute."""
    said = options.directory or os.path.join(STACK_DIRECTORY, "supervisord")
    return os.path.normpath(os.path.join(stack.directory, said))


def program(options: Options, name: str = "supervisord") -> str:
    """The path of supervisord, or of supervisorctl beside it; a bare name is looked for on PATH."""
    if options.supervisord:
        return os.path.join(os.path.dirname(options.supervisord), name)
    beside = os.path.join(os.path.dirname(sys.executable), name)
    return beside if os.access(beside, os.X_OK) else name


def owner(stack: Stack) -> tuple[str, str]:
    """User and group of supervisord itself: those that all processes have; else it must be root ("", "")."""
    owners = {(process.user, process.group) for process in stack.processes}
    return owners.pop() if len(owners) == 1 else ("", "")


def is_held(process: Process) -> bool:
    """Whether supervisord can hold its listener: an [fcgi-program] has one socket, of a path or of IPv4."""
    return bool(process.handoff) and len(process.listeners) == 1 and not process.listeners[0].bind.startswith("[")


def can_surge(process: Process) -> bool:
    """Whether a new instance may be there beside the old ones, as a roll wants it."""
    may_be_two = process.kind is Kind.PROCESS and process.max_surge > 0 and not process.singleton
    return may_be_two and (is_held(process) or not process.listeners)


def next_name(process: Process) -> str:
    """The instance that a roll starts first, and stops in the end. No process has a dot in its name."""
    return f"{process.name}.next"


def listener_name(process: Process) -> str:
    """The program that holds the listener."""
    return f"{process.name}.listener"


def tells(process: Process, stack: Stack) -> bool:
    """Whether an instance can say that it is ready: in a file, which is its user's if supervisord is."""
    return process.tells_ready and is_of_one_user(stack)


def is_of_one_user(stack: Stack) -> bool:
    return len({(process.user, process.group) for process in stack.processes}) == 1
