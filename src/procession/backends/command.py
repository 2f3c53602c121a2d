"""Any command at all: COMMAND as it stands, ARGS behind it."""

from __future__ import annotations

import os
import shutil
import sys

from procession.backends.arguments import check, to_flags
from procession.backends.base import SITE_CODE, Backend, Command, Profile
from procession.errors import Problem
from procession.stack.model import Declaration, Probe, ProbeType, Site
from procession.stack.shell import words_of


def profile(command: Command) -> Profile:
    """Nothing is known of it: TERM, and death by TERM is the end of a program that does not catch it."""
    watch = SITE_CODE if _is_python(command.argv) else ()
    return Profile(success=(0, -15), readiness=command.readiness or Probe(type=ProbeType.NONE), watch=watch)


def build(declaration: Declaration, site: Site, _stop_timeout_seconds: float) -> Command:
    """A program of the site's environment is found beside its Python, whether that is on PATH or not.

    E048 if there is no command. That it is not found is said by the loader, as for every program.
    """
    words = (*(declaration.command or ()), *to_flags(declaration.args))
    if not words:
        nothing = Problem("E048", "command", "there is no command to run", fix='write COMMAND: "bin/serve --port 8000"')
        return Command(argv=(), problems=(nothing,))
    path = _path(words[0], declaration, site)
    return Command(argv=(path or words[0], *words[1:]), problems=check(declaration.args))


def _is_python(argv: tuple[str, ...]) -> bool:
    """Whether the site's code may be in it: the first word of the program, less its shell, is a Python or a script."""
    folder, name = os.path.split(next(iter(words_of(argv)), ""))
    return name.startswith("python") or name.endswith(".py") or folder == os.path.dirname(sys.executable)


def _path(program: str, declaration: Declaration, site: Site) -> str:
    """The program as it will be started: its own name if PATH leads to it, else its whole path; "" if it is nowhere."""
    directory = os.path.join(site.directory, declaration.directory or "")
    if os.path.sep in program:
        return program if os.access(os.path.join(directory, program), os.X_OK) else ""
    beside = shutil.which(program, path=os.path.dirname(site.python))
    by_path = shutil.which(program, path=declaration.env.get("PATH", os.environ.get("PATH", os.defpath)))
    if beside and by_path != beside:
        return beside
    return program if by_path else ""


BACKEND = Backend(
    name="command",
    title="command",
    requires="",
    module="",
    build=build,
    profile=profile,
)
