"""What the site declares, read now: the stack as data, and everything that is wrong with it.

A site with a manage.py is described by a short-lived child in the site's own Python; any other one is read right here.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from procession.console import text
from procession.errors import Problem
from procession.refusal import Refusal
from procession.sources.discover import Found, SourceKind, discover

STDERR_LINES = 15
TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.stack.declared import Declared
    from procession.stack.model import Site, Stack


@dataclass(frozen=True, slots=True)
class Loaded:
    """`data`: the stack as JSON data, None where mistakes leave nothing to run. `site`: None where it did not load."""

    data: Mapping[str, Any] | None
    problems: tuple[Problem, ...]
    site: Site | None = None

    @property
    def is_good(self) -> bool:
        return self.data is not None and not any(problem.is_error for problem in self.problems)

    def stack(self) -> Stack:
        from procession.stack.codec import from_data  # here, as below: the site's Python is to begin before all that
        from procession.stack.model import Stack

        return from_data(Stack, self.data)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of every verb that reads the declaration."""
    parser.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        default="",
        help="take this manage.py, procession.toml or Procfile (default: what is found in the project)",
    )
    parser.add_argument(
        "--dev", action="store_true", help="take what is declared for development: DEVELOPMENT_PROCESSES, Procfile.dev"
    )


def to_apply(loaded: Loaded, options: argparse.Namespace) -> dict[str, Any]:
    """The stack as data for the supervisor, with the command that does all this again when it gets SIGHUP."""
    command = [sys.executable, "-P", "-m", "procession", "update", "--no-color"]
    command += ["--directory", options.directory, "--stack-directory", options.stack_directory]
    command += ["--file", os.path.abspath(options.file)] if options.file else []
    command += ["--settings", options.settings] if options.settings else []
    command += ["--dev"] if options.dev else []
    return {**(loaded.data or {}), "reread": command}


def _rest() -> None:
    """Nothing else is to be done."""


def load_or_say(options: argparse.Namespace, meanwhile: Callable[[], None] = _rest) -> Loaded | None:
    """The declaration, its warnings said on stderr; None when it has mistakes, which are said, too."""
    loaded = load(options, meanwhile)
    ink = text.Ink(sys.stderr, no_color=options.no_color)
    for line in text.problem_lines(loaded.problems, ink):
        text.say(line)
    return loaded if loaded.is_good else None


def load(options: argparse.Namespace, meanwhile: Callable[[], None] = _rest) -> Loaded:
    """The declaration of the site in `options.directory`. Raises Refusal where the site's Python cannot be asked.

    `meanwhile` is called while the site's Python, which takes the longest, is at work.
    """
    adapted = getattr(options, "adapted", False)  # set by `procession dev` alone
    found = discover(options.directory, options.file, development=options.dev)
    if adapted and isinstance(found, Problem):
        found = discover(options.directory, options.file)  # production's will do there
    if isinstance(found, Problem):
        return Loaded(None, (found,))
    if found.manage:
        return _ask_site(found, options, meanwhile, adapted=adapted)
    return _load_here(found, adapted=adapted)


def _load_here(found: Found, *, adapted: bool) -> Loaded:
    from procession.load import load as complete
    from procession.stack.codec import to_data
    from procession.stack.model import Site

    site = Site(directory=found.directory, python=sys.executable)
    if adapted:
        from procession.load.development import read_adapted

        declared = read_adapted(found, site, _read_here, os.environ)
    else:
        declared = _read_here(found)
    stack, problems = complete(declared, site)
    return Loaded(to_data(stack), tuple(problems), site)


def _read_here(found: Found) -> Declared:
    if found.kind is SourceKind.TOML:
        from procession.sources.toml import read_toml

        return read_toml(found.file, development=found.development)
    from procession.sources.procfile import read_procfile

    return read_procfile(found.file, os.environ)


def _ask_site(found: Found, options: argparse.Namespace, meanwhile: Callable[[], None], *, adapted: bool) -> Loaded:
    argv = [sys.executable, "-m", "procession.django.describe", "--source", found.file]
    argv += ["--settings", options.settings] if options.settings else []
    argv += ["--development"] if options.dev else []
    argv += ["--adapt"] if adapted else []
    code, stdout, stderr = _run(argv, found.directory, meanwhile)
    from procession.stack.codec import from_data
    from procession.stack.model import Site

    try:
        answer = json.loads(stdout)
    except ValueError as error:
        raise _no_answer(found, code, stderr) from error
    problems = tuple(from_data(Problem, problem) for problem in answer["problems"])
    return Loaded(answer["stack"], problems, from_data(Site, answer["site"]) if answer["site"] else None)


def _run(argv: Sequence[str], directory: str, meanwhile: Callable[[], None]) -> tuple[int, bytes, bytes]:
    """Its exit code, and what it has said on stdout and stderr."""
    import subprocess  # here, because it takes its time, and a site without Django needs none of it

    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=directory, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as child:
        try:
            meanwhile()
            stdout, stderr = child.communicate()
        except BaseException:
            child.kill()
            raise
    return child.returncode, stdout, stderr


def _no_answer(found: Found, code: int, stderr: bytes) -> Refusal:
    last = stderr.decode(errors="replace").splitlines()[-STDERR_LINES:]
    ended = f"ended with {code} and without an answer"
    return Refusal(f"cannot read the declaration in {found.directory}: {sys.executable} {ended}", "\n    ".join(last))
