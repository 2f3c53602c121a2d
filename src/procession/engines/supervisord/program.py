"""One process -> the sections of supervisord.conf that run it.

Each instance is a program of its own, and not one of `numprocs`: supervisord takes in another number only by stopping
every instance first, and its [fcgi-program] can give its socket to no other program.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping

from procession.engines.supervisord import launched
from procession.engines.supervisord.options import HOLD, can_surge, is_held, listener_name, next_name
from procession.engines.text import supervisord as text
from procession.stack.model import Kind, Process, RestartWhen

NEVER_GIVES_UP = 1_000_000  # supervisord has no word for it; it waits a second longer each time
LISTENER_PRIORITY = 1  # first to start, last to stop
HOLDERS = 2  # while one of them is there, supervisord keeps the socket open
Section = Mapping[str, str]


def sections(process: Process, folder: str, *, priority: int, tells: bool) -> dict[str, Section]:
    """All that it takes: who holds its listener, its instances, and the one that a roll starts beside them.

    `tells`: they say themselves when they are ready (`options.tells`).
    """
    found = {f"fcgi-program:{listener_name(process)}": _listener(process)} if is_held(process) else {}
    written = launched.plain(process)
    for name in process.instances():
        section = _program(process, name, folder, tells=tells, written=written)
        found[f"program:{name}"] = section | {"priority": str(priority)}
    if can_surge(process):
        name = next_name(process)
        section = _program(process, name, folder, tells=tells, written=written)
        found[f"program:{name}"] = section | {"priority": str(priority), "autostart": "false"}
    return found


def _listener(process: Process) -> Section:
    """supervisord binds it. One of two processes hands it to the instances; each keeps it open if the other dies."""
    listener = process.listeners[0]
    name = listener_name(process)
    is_path = listener.bind.startswith("unix:")
    bind = f"unix://{listener.bind.removeprefix('unix:')}" if is_path else f"tcp://{listener.bind}"
    owner = ":".join(filter(None, (listener.user, listener.group)))
    return {
        "command": f"{text.supervisord_command((*launched.PYTHON, HOLD, name))} %(process_num)d",
        "socket": text.supervisord_value(bind),
        "socket_backlog": str(listener.backlog),
        **({"socket_mode": f"{listener.mode:04o}"} if is_path else {}),
        **({"socket_owner": text.supervisord_value(owner)} if is_path and owner else {}),
        "process_name": f"{name}.%(process_num)d",
        "numprocs": str(HOLDERS),
        "numprocs_start": "0",
        "directory": "%(here)s",
        "priority": str(LISTENER_PRIORITY),
        "autorestart": "true",
        "startsecs": "0",
        "startretries": str(NEVER_GIVES_UP),
        "stdout_logfile": f"%(here)s/{name}.log",
        "redirect_stderr": "true",
    }


def _program(process: Process, name: str, folder: str, *, tells: bool, written: Section) -> dict[str, str]:
    """`written` are the variables that the file can hold (`launched.plain`)."""
    is_task = process.kind is Kind.TASK
    return {
        "command": launched.command(process, name, folder, tells=tells, written=written),
        "directory": text.supervisord_value(process.directory),
        "autostart": "false" if is_task else "true",
        **_restarts(process),
        **_stops(process),
        **({} if process.umask is None else {"umask": f"{process.umask:03o}"}),
        **_logs(process, name),
        "environment": text.supervisord_environment({**written, **_own_variables(process, name)}),
    }


def _restarts(process: Process) -> Section:
    """An exit before `startsecs` is an early death: it waits, longer each time; one after it is started at once."""
    if process.kind is Kind.TASK:
        return {"autorestart": "false", "startsecs": "0", "startretries": "0"}
    words = {RestartWhen.ALWAYS: "true", RestartWhen.ON_FAILURE: "unexpected", RestartWhen.NEVER: "false"}
    return {
        "autorestart": words[process.restart],
        "exitcodes": ",".join(str(code) for code in process.success if code >= 0) or "0",
        "startsecs": str(math.ceil(process.backoff.steady_seconds)),
        "startretries": str(process.backoff.give_up or NEVER_GIVES_UP),
    }


def _stops(process: Process) -> Section:
    """The signal goes to the main process alone, or Celery drops its tasks; then SIGKILL to whatever is left."""
    return {
        "stopsignal": process.stop[0].signal,
        "stopwaitsecs": str(math.ceil(process.stop_seconds)),
        "stopasgroup": "false",
        "killasgroup": "true",
    }


def _logs(process: Process, name: str) -> Section:
    path = text.supervisord_value(process.log.file.replace("{instance}", name))
    return {
        "stdout_logfile": path if os.path.isabs(process.log.file) else f"%(here)s/{path}",
        "stdout_logfile_maxbytes": str(process.log.max_size_bytes),
        "stdout_logfile_backups": str(process.log.keep),
        "redirect_stderr": "true",
    }


def _own_variables(process: Process, name: str) -> dict[str, str]:
    """As the embedded supervisor tells an instance who it is; the next one is instance 0."""
    number = name.rpartition(".")[2]
    own = {"INSTANCE": name, "PROCESS": process.name, "REPLICA": number if number.isdigit() else "0"}
    return {f"PROCESSION_{key}": value for key, value in own.items()}
