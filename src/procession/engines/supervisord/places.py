"""Where logs are, and the words of supervisorctl for instances."""

from __future__ import annotations

import os

from procession.engines.base import Asked
from procession.engines.steps import Command
from procession.engines.supervisord.launched import launcher
from procession.engines.supervisord.options import CONF, READY, owner, program
from procession.engines.text.supervisord import plain_json
from procession.stack.model import Kind, Process


def log_path(asked: Asked, process: Process, instance: str) -> str:
    return os.path.join(asked.directory, process.log.file.replace("{instance}", instance))


def folders(asked: Asked) -> list[str]:
    """Those within the engine's directory: supervisord does not make them, and others are not ours to make."""
    files = {process.log.file for process in asked.stack.processes if not os.path.isabs(process.log.file)}
    own = {asked.directory, os.path.join(asked.directory, READY)}
    return sorted({os.path.dirname(os.path.join(asked.directory, file)) for file in files} | own)


def ready_path(asked: Asked, instance: str) -> str:
    return os.path.join(asked.directory, READY, instance)


def is_told(asked: Asked, instance: str) -> bool:
    """Whether an instance, or a task, has said that it is ready, or done."""
    try:
        return os.path.getsize(ready_path(asked, instance)) > 0
    except FileNotFoundError:
        return False


def instances(asked: Asked, *, tasks: bool = False) -> list[tuple[Process, str]]:
    """Those that `asked.names` mean, in start order; all: without tasks, unless asked for."""
    every = [(process, name) for process in asked.stack.processes for name in process.instances()]
    if asked.names:
        return [(process, name) for process, name in every if process.name in asked.names or name in asked.names]
    return [(process, name) for process, name in every if tasks or process.kind is Kind.PROCESS]


def supervisorctl(asked: Asked, *words: str, looks: bool = False) -> Command:
    argv = (program(asked.options, "supervisorctl"), "-c", os.path.join(asked.directory, CONF), *words)
    return as_owner(asked, *argv, looks=looks)


def as_owner(asked: Asked, *argv: str, looks: bool = False, shown: bool = False) -> Command:
    """By root: as the user that supervisord runs as. The directory is that user's, to put there what he likes, links
    and another configuration included: root must not read, write or start any of it with its own rights.
    """
    user, group = owner(asked.stack)
    if user and os.geteuid() == 0:
        argv = (*launcher(plain_json({"user": user, "group": group})), *argv)
    return Command(argv=argv, looks=looks, shown=shown)
