"""A stack as systemd's files. Pure: the same stack gives the same bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator

from procession.engines.base import Rendering
from procession.engines.files import File
from procession.engines.systemd import listeners, names
from procession.engines.systemd.options import Options
from procession.engines.systemd.problems import problems, unwritable
from procession.engines.systemd.service import hands_over, service
from procession.engines.systemd.supervisor import MACHINE_TARGET, USER_TARGET, supervisor
from procession.engines.text.systemd import Unwritable, systemd_env_file, systemd_unit, systemd_value
from procession.errors import Problem
from procession.stack.model import Process, Stack

MACHINE_DIRECTORY = "/etc/systemd/system"
ENV_FILE_MODE = 0o600


def directory(_stack: Stack, options: Options) -> str:
    """Where systemd looks for units that an administrator, or a user, has written (systemd.unit(5))."""
    if not options.user_mode:
        return MACHINE_DIRECTORY
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(home, "systemd/user")


def render(stack: Stack, options: Options) -> Rendering:
    found: list[Problem] = [*problems(stack, options)]
    if options.supervisor:
        return Rendering(files=(File(path=names.supervisor(stack), text=supervisor(stack, options)),))
    files = [_target(stack, options)]
    for process in stack.processes:
        try:
            files += _files(stack, process, options)
        except Unwritable as error:
            found.append(unwritable(process, str(error)))
    is_wrong = any(problem.is_error for problem in found)
    return Rendering(files=() if is_wrong else tuple(files), problems=tuple(found))


def _files(stack: Stack, process: Process, options: Options) -> Iterator[File]:
    folder = directory(stack, options)
    yield File(path=names.file(stack, process), text=service(stack, process, options, folder))
    if process.environment:
        text = systemd_env_file(process.environment)
        yield File(path=names.env_file(stack, process), text=text, mode=ENV_FILE_MODE)
    if hands_over(process):
        yield File(path=names.socket(stack, process), text=listeners.socket(stack, process))
        yield File(path=names.listener(stack, process), text=listeners.listener(stack, process, options))


def _target(stack: Stack, options: Options) -> File:
    """Everything that is declared. Instances beside (scale, roll) are PartOf= it, too: they stop with it."""
    wants = [unit for process in stack.processes for unit in names.instances(stack, process)]
    sockets = [names.socket(stack, process) for process in stack.processes if hands_over(process)]
    unit = [("Description", f"{systemd_value(stack.name)}: the whole site"), ("Wants", " ".join([*sockets, *wants]))]
    wanted = USER_TARGET if options.user_mode else MACHINE_TARGET
    return File(path=names.target(stack), text=systemd_unit([("Unit", unit), ("Install", [("WantedBy", wanted)])]))
