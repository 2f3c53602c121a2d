"""Which stack directory is shown: the one that runs us, or that of the project where we stand."""

from __future__ import annotations

import os

from procession.console import project


def stack_directory() -> str:
    """Its absolute path. An instance is told it by its supervisor (PROCESSION_DIRECTORY)."""
    given = os.environ.get(project.STACK_DIRECTORY_VARIABLE)
    if given:
        return os.path.abspath(given)
    return os.path.join(project.find(project.working_directory()), project.STACK_DIRECTORY)


def own_process() -> str:
    """The process of the stack that serves this page; "" when none of it does."""
    return os.environ.get("PROCESSION_PROCESS", "")
