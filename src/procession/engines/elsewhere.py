"""A process of this machine, as an image has it: other paths, another Python, and what only a container needs."""

from __future__ import annotations

import os
import re
import sys

from procession.stack.model import Process, Stack

PYTHON = re.compile(r"/(.*/)?python[0-9.]*")


def program_in_image(program: str, stack: Stack, python: str) -> str:
    """The first word of a command. `python` is the image's: it stands for ours, and what is beside ours is beside it.

    /srv/mysite/.venv/bin/celery is `celery`, found on the image's PATH, or /opt/venv/bin/celery where that is declared.
    """
    if PYTHON.fullmatch(program):
        return python
    if os.path.dirname(program) in _folders(stack):
        return os.path.join(os.path.dirname(python), os.path.basename(program))
    return program


def image_environment(process: Process) -> dict[str, str]:
    """Variables that a program wants in a container; what is declared wins.

    gunicorn's workers show that they live by touching a file. On a disk that is busy they would be killed for it, so it
    goes to memory (gunicorn's FAQ, "How do I avoid Gunicorn excessively blocking in os.fchmod?").
    """
    return {"GUNICORN_CMD_ARGS": "--worker-tmp-dir=/dev/shm"} if process.backend == "gunicorn" else {}


def _folders(stack: Stack) -> set[str]:
    """Where the programs of the site's environment are on this machine."""
    pythons = [process.argv[0] for process in stack.processes if process.argv and PYTHON.fullmatch(process.argv[0])]
    return {os.path.dirname(python) for python in (sys.executable, *pythons)} - {"/usr/bin", "/bin", "/usr/local/bin"}
