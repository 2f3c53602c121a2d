"""supervisord's own parser, asked about files that are not in place yet."""

from __future__ import annotations

import os
import shutil
import sys

from procession.engines.base import Asked
from procession.engines.steps import Command, Steps
from procession.engines.supervisord.options import CONF, Options, program
from procession.engines.supervisord.places import folders
from procession.refusal import Refusal
from procession.run import NO_SUCH_PROGRAM, Done

PROGRAM = os.path.join(os.path.dirname(os.path.dirname(__file__)), "programs", "supervisord_check.py")


def check(asked: Asked) -> Steps[None]:
    """Raises Refusal with the parser's words."""
    yield Command(argv=("mkdir", "-p", *folders(asked)), looks=True)
    done = yield Command(argv=(python_of(asked.options), PROGRAM, os.path.join(asked.directory, CONF)), looks=True)
    if done.status == NO_SUCH_PROGRAM or "No module named 'supervisor'" in done.stderr:
        raise Refusal("there is no supervisord here", "install it: pip install supervisor, or apt install supervisor")
    if not done.is_well:
        raise Refusal(f"supervisord does not take its configuration: {complaint(done)}", "nothing was changed")


def complaint(done: Done) -> str:
    """supervisord's own stands before its words on how to get help."""
    errors = [line.removeprefix("Error: ") for line in done.stderr.splitlines() if line.startswith("Error: ")]
    return errors[0] if errors else done.last_words()


def python_of(options: Options) -> str:
    """The interpreter that runs supervisord, as the first line of its program has it; else our own."""
    path = shutil.which(program(options))
    if path is None:
        return sys.executable
    with open(path, "rb") as file:
        first = file.readline().decode(errors="replace")
    words = first.removeprefix("#!").split()
    return words[0] if first.startswith("#!") and "python" in os.path.basename(words[0]) else sys.executable
