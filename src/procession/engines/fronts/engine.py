"""What both have in common: their file is written, and others run them."""

from __future__ import annotations

import os
import shutil
from typing import Final, Never

from procession.engines.base import Asked
from procession.engines.steps import Command, News, Steps
from procession.refusal import ExitCode, Refusal
from procession.run import NO_SUCH_PROGRAM

VERBS: Final = ("start", "stop", "restart", "roll", "scale", "down", "logs", "events")
SBIN: Final = "/usr/local/sbin:/usr/sbin:/sbin"  # not everybody has it on PATH


def program(name: str) -> str:
    return shutil.which(name) or shutil.which(name, path=SBIN) or name


def look_at(command: Command, asked: Asked, *, marks: tuple[str, ...], excuse: str = "") -> Steps[None]:
    """Ask its own checker. Raises Refusal with the line that holds one of `marks`; `excuse` in its words excuses it."""
    name = os.path.basename(command.argv[0])
    done = yield command
    if done.status == NO_SUCH_PROGRAM:
        fix = f"apt install {name}, or write it unchecked: procession render --engine {name} --output DIR"
        raise Refusal(f"there is no {name} here to look at its configuration", fix)
    if done.is_well or (excuse and excuse in done.stderr):
        return
    said = [line for line in done.stderr.splitlines() if any(mark in line for mark in marks)]
    words = (said[0] if said else done.last_words()).replace(f"{asked.directory}/", "")
    raise Refusal(f"{name} does not take its configuration: {words}", "nothing was changed")


def tell(asked: Asked, how: str) -> Steps[None]:
    """How the files that are there now are taken in."""
    if asked.changed:
        yield News(how)


def refuse(_asked: Asked) -> Steps[Never]:
    yield from ()
    raise Refusal("it is configured by us, and run by others", "ask its own tool", code=ExitCode.USAGE)
