"""What runs in a program: the process's own command, or the launcher in front of it (programs/launch.py)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from procession.engines.files import File
from procession.engines.supervisord.options import LAUNCH, READY, is_held, listener_name
from procession.engines.text import supervisord as text
from procession.stack.model import Kind, Process

PYTHON = (sys.executable, "-I", "-S")
TASKS = "tasks"  # the folder


def command(process: Process, instance: str, folder: str, *, tells: bool, written: Mapping[str, str]) -> str:
    """The program itself where supervisord can do all that it needs, else through the launcher, which also sets the
    variables that are not `written` in supervisord's own file.
    """
    if process.kind is Kind.TASK:
        return text.supervisord_command(launcher(f"@{task_path(process, folder)}"))
    argv = process.handoff if is_held(process) else process.argv
    what = _for_instance(process, instance, folder, tells=tells)
    if odd := {name: value for name, value in variables(process).items() if name not in written}:
        what["environment"] = odd
    if not all(map(text.supervisord_can_hold, argv)):
        what["argv"], argv = list(argv), ()
    return text.supervisord_command([*(launcher(text.plain_json(what)) if what else ()), *argv])


def launcher(what: str) -> tuple[str, ...]:
    return (*PYTHON, LAUNCH, what)


def variables(process: Process) -> dict[str, str]:
    """What is declared, and what our own supervisor sets where nothing is."""
    return {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", **process.environment, "PWD": process.directory}


def plain(process: Process) -> dict[str, str]:
    """Those that supervisord's own file can hold; the others go through the launcher."""
    if process.kind is Kind.TASK:
        return {}
    return {name: value for name, value in variables(process).items() if text.supervisord_can_set(name, value)}


def _for_instance(process: Process, name: str, folder: str, *, tells: bool) -> dict[str, Any]:
    what = _prepared(process)
    if is_held(process):
        what["listener"] = os.path.join(folder, listener_name(process))
    if tells:
        what["ready"] = os.path.join(folder, READY, name)
    if process.singleton:
        what["lock"] = os.path.join(folder, f"{process.name}.lock")
    return what


def _prepared(process: Process) -> dict[str, Any]:
    """What is to be done in any case; nothing: the launcher is not needed for it."""
    limits = process.limits
    rlimits = {
        "NOFILE": limits.files,
        "NPROC": limits.processes,
        **({"CORE": limits.core_bytes} if limits.core_bytes >= 0 else {}),
    }
    said = {
        "env_files": list(process.env_files),
        "user": process.user,
        "group": process.group,
        "no_new_privs": process.no_new_privs,
        "nice": limits.nice,
        "limits": {name: value for name, value in rlimits.items() if value or name == "CORE"},
    }
    wanted = {name: value for name, value in said.items() if value}
    if process.env_files or process.user:
        wanted["declared"] = sorted(process.environment)
    return wanted


def task_path(process: Process, folder: str) -> str:
    return os.path.join(folder, _task_file_name(process))


def _task_file_name(process: Process) -> str:
    return os.path.join(TASKS, f"{process.name}.json")


def task_file(process: Process) -> File:
    """A task whole: `apply` runs it to its end before supervisord gets the rest, which can do no such thing."""
    what = {
        **_prepared(process),
        "argv": list(process.argv),
        "environment": variables(process),
        "directory": process.directory,
        **({} if process.umask is None else {"umask": process.umask}),
    }
    return File(path=_task_file_name(process), text=json.dumps(what, indent=2) + "\n", mode=0o600)
