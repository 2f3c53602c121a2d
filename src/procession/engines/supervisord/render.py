"""Stack -> supervisord.conf, a file for each task, and the unit that starts it all at boot."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping
from typing import Any

from procession.engines.base import Rendering
from procession.engines.files import File
from procession.engines.supervisord import options as where
from procession.engines.supervisord.options import LAUNCH, Options, is_held
from procession.engines.supervisord.problems import find_problems
from procession.engines.supervisord.unit import unit
from procession.engines.text import supervisord as text
from procession.stack.model import Kind, Process, RestartWhen, Stack

PRIORITY_FIRST = 100
PRIORITY_STEP = 10
NEVER_GIVES_UP = 1_000_000  # supervisord has no word for it; it waits a second longer each time
Section = Mapping[str, str]

HEAD = """\
; One supervisord for this site alone. Nothing of it needs root or sudo: whoever may enter this directory may drive it,
; with `procession`, or with `supervisorctl -c supervisord.conf`.
"""


def render(stack: Stack, options: Options) -> Rendering:
    """Pure, but for the paths of Python and of supervisord, which are this machine's."""
    problems = tuple(find_problems(stack, options))
    if any(problem.is_error for problem in problems):
        return Rendering(files=(), problems=problems)
    tasks = [process for process in stack.processes if process.kind is Kind.TASK]
    conf = File(path=where.CONF, text=_conf(stack, options), mode=0o600, comment="; {}")
    return Rendering(files=(conf, *map(_task_file, tasks), unit(stack, options)), problems=problems)


def _conf(stack: Stack, options: Options) -> str:
    folder = where.directory(stack, options)
    priorities = _priorities(stack)
    sections = _own_sections(stack)
    for process in stack.processes:
        kind = "fcgi-program" if is_held(process) else "program"
        sections[f"{kind}:{process.name}"] = _program(process, priorities[process.name], folder)
    return HEAD + "".join(map(_section, sections, sections.values()))


def _section(name: str, options: Section) -> str:
    lines = "".join(f"{key}={value}\n" for key, value in options.items())
    return f"\n[{name}]\n{lines}"


def _own_sections(stack: Stack) -> dict[str, Section]:
    user = where.owner(stack)[0]
    supervisord = {
        "logfile": f"%(here)s/{where.LOG}",
        "pidfile": f"%(here)s/{where.PID}",
        "childlogdir": "%(here)s",
        **({"user": text.supervisord_value(user)} if user else {}),
    }
    return {
        "supervisord": supervisord,
        "unix_http_server": {"file": f"%(here)s/{where.SOCKET}", "chmod": "0700"},
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
        "supervisorctl": {"serverurl": f"unix://%(here)s/{where.SOCKET}"},
    }


def _program(process: Process, priority: int, folder: str) -> Section:
    is_task = process.kind is Kind.TASK
    return {
        "command": _command(process, folder),
        **_socket(process),
        "process_name": f"{process.name}.%(process_num)d",
        "numprocs": str(process.replicas + is_held(process)),
        "numprocs_start": "0" if is_held(process) else "1",
        "directory": text.supervisord_value(process.directory),
        "priority": str(priority),
        "autostart": "false" if is_task else "true",
        **_restarts(process),
        **_stops(process),
        **({} if process.umask is None else {"umask": f"{process.umask:03o}"}),
        **_logs(process),
        "environment": text.supervisord_environment(_plain(process)) + _own_variables(process),
    }


def _socket(process: Process) -> Section:
    """Instance 0 holds it, so that it stays open while the only other instance is renewed."""
    if not is_held(process):
        return {}
    listener = process.listeners[0]
    is_path = listener.bind.startswith("unix:")
    bind = f"unix://{listener.bind.removeprefix('unix:')}" if is_path else f"tcp://{listener.bind}"
    owner = ":".join(filter(None, (listener.user, listener.group)))
    return {
        "socket": text.supervisord_value(bind),
        "socket_backlog": str(listener.backlog),
        **({"socket_mode": f"{listener.mode:04o}"} if is_path else {}),
        **({"socket_owner": text.supervisord_value(owner)} if is_path and owner else {}),
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


def _logs(process: Process) -> Section:
    path = text.supervisord_value(process.log.file).replace("{instance}", f"{process.name}.%(process_num)d")
    return {
        "stdout_logfile": path if os.path.isabs(process.log.file) else f"%(here)s/{path}",
        "stdout_logfile_maxbytes": str(process.log.max_size_bytes),
        "stdout_logfile_backups": str(process.log.keep),
        "redirect_stderr": "true",
    }


def _own_variables(process: Process) -> str:
    """As the embedded supervisor tells an instance who it is."""
    number = "%(process_num)d"
    own = {"INSTANCE": f"{process.name}.{number}", "PROCESS": process.name, "REPLICA": number}
    lines = [f'\n    PROCESSION_{name}="{value}"' for name, value in own.items()]
    return ("," if _plain(process) else "") + ",".join(lines)


def _priorities(stack: Stack) -> dict[str, int]:
    """By the longest chain of what must be there before; the processes are in start order."""
    depths: dict[str, int] = {}
    for process in stack.processes:
        needed = [depths[dependency.name] for dependency in process.depends_on if dependency.name in depths]
        depths[process.name] = max(needed, default=-1) + 1
    return {name: PRIORITY_FIRST + PRIORITY_STEP * depth for name, depth in depths.items()}


def variables(process: Process) -> dict[str, str]:
    """What is declared, and what our own supervisor sets where nothing is."""
    return {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", **process.environment, "PWD": process.directory}


def _plain(process: Process) -> dict[str, str]:
    """Those that supervisord's own file can hold; the others go through the launcher."""
    if process.kind is Kind.TASK:
        return {}
    return {name: value for name, value in variables(process).items() if text.supervisord_can_set(name, value)}


def _command(process: Process, folder: str) -> str:
    """The program itself where supervisord can do all that it needs, else through the launcher (programs/launch.py)."""
    if process.kind is Kind.TASK:
        return text.supervisord_command(launcher(f"@{task_path(process, folder)}"))
    argv = process.handoff if is_held(process) else process.argv
    what = _launch(process, folder)
    plain = _plain(process)
    if odd := {name: value for name, value in variables(process).items() if name not in plain}:
        what["environment"] = odd
    if not all(map(text.supervisord_can_hold, argv)):
        what["argv"], argv = list(argv), ()
    return text.supervisord_command([*(launcher(text.plain_json(what)) if what else ()), *argv])


def launcher(what: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", LAUNCH, what)


def _launch(process: Process, folder: str) -> dict[str, Any]:
    """What the launcher has to do; nothing: it is not needed."""
    limits = process.limits
    rlimits = {
        "NOFILE": limits.files,
        "NPROC": limits.processes,
        **({"CORE": limits.core_bytes} if limits.core_bytes >= 0 else {}),
    }
    said = {
        "env_files": list(process.env_files),
        "listener": is_held(process),
        "holder": is_held(process),
        "user": process.user,
        "group": process.group,
        "no_new_privs": process.no_new_privs,
        "nice": limits.nice,
        "limits": {name: value for name, value in rlimits.items() if value or name == "CORE"},
        "lock": os.path.join(folder, f"{process.name}.lock") if process.singleton else "",
    }
    wanted = {name: value for name, value in said.items() if value}
    if process.env_files or process.user:
        wanted["declared"] = sorted(process.environment)
    return wanted


def task_path(process: Process, folder: str) -> str:
    return os.path.join(folder, _task_file_name(process))


def _task_file_name(process: Process) -> str:
    return os.path.join("tasks", f"{process.name}.json")


def _task_file(process: Process) -> File:
    """A task whole: `apply` runs it to its end before supervisord gets the rest, which can do no such thing."""
    what = {
        **_launch(process, ""),
        "argv": list(process.argv),
        "environment": variables(process),
        "directory": process.directory,
        **({} if process.umask is None else {"umask": process.umask}),
    }
    return File(path=_task_file_name(process), text=json.dumps(what, indent=2) + "\n", mode=0o600)
