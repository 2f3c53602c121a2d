"""Which stack directory is shown: the one that runs us, or that of the project where we stand."""

from __future__ import annotations

import os

from procession.console import project

CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")


def stack_directory() -> str:
    """Its absolute path. An instance is told it by its supervisor (PROCESSION_DIRECTORY)."""
    given = os.environ.get(project.STACK_DIRECTORY_VARIABLE)
    if given:
        return os.path.abspath(given)
    return os.path.join(project.find(project.working_directory()), project.STACK_DIRECTORY)


def is_in_container() -> bool:
    """Docker and Podman leave these files, Kubernetes tells its address. Who runs it is not seen from in here."""
    return any(map(os.path.exists, CONTAINER_FILES)) or "KUBERNETES_SERVICE_HOST" in os.environ


def own_process() -> str:
    """The process of the stack that serves this page; "" when none of it does."""
    return os.environ.get("PROCESSION_PROCESS", "")
