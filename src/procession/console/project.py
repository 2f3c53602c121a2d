"""Where the site is, and where its stack directory is: the options that every verb takes. Imports little, as `text`."""

from __future__ import annotations

import argparse
import os

from procession.control.wire import SOCKET_NAME
from procession.refusal import ExitCode, Refusal

STACK_DIRECTORY = ".procession"
STACK_DIRECTORY_VARIABLE = "PROCESSION_DIRECTORY"
DEVELOPMENT = "dev"
OF_WHAT_RUNS = frozenset(
    {
        *("down", "start", "stop", "restart", "roll", "reload", "scale", "signal"),
        *("status", "top", "logs", "events", "dashboard", "attach"),
        *("health", "metrics", "doctor", "analyze"),
    }
)
"""The verbs for what runs, which read no declaration."""
MARKS = (STACK_DIRECTORY, "manage.py", "procession.toml", "Procfile")
"""What makes a folder a project; it is looked for from the working directory upwards, as git does."""
OPTIONS_WITH_VALUE = ("-C", "--directory", "--stack-directory", "--settings")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The common options, which may stand before or after the verb."""
    group = parser.add_argument_group("common options")
    group.add_argument(
        "-C", "--directory", metavar="DIR", help="the project (default: the nearest folder upwards that is one)"
    )
    group.add_argument(
        "--stack-directory",
        metavar="DIR",
        help=f"the supervisor's own files (default: ${STACK_DIRECTORY_VARIABLE}, or {STACK_DIRECTORY} in the project)",
    )
    group.add_argument("--settings", metavar="MODULE", default="", help="the Django settings, such as mysite.settings")
    group.add_argument("--no-color", action="store_true", help="no colours (as does NO_COLOR=1 in the environment)")


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """For the verbs that an engine does as well."""
    group = parser.add_argument_group("engine")
    group.add_argument(
        "--engine", metavar="NAME", default="", help="what runs the site (default: that of the last apply, or our own)"
    )
    group.add_argument("--dry-run", action="store_true", help="print the engine's commands, run none of them")


def has_engine(options: argparse.Namespace) -> bool:
    """Whether another engine may run the site: one stat, since `procession status` waits for this."""
    return bool(options.engine) or os.path.exists(os.path.join(options.stack_directory, "engine.json"))


def is_elsewhere(options: argparse.Namespace) -> bool:
    """Whether another engine runs the site, and not our supervisor under it."""
    applied = os.path.exists(os.path.join(options.stack_directory, "engine.json"))
    return applied and not _has_supervisor(options.stack_directory)


def resolve(options: argparse.Namespace, verb: str = "") -> None:
    """Make `options.directory` and `options.stack_directory` absolute. Raises Refusal for a directory that is not."""
    if options.directory and not os.path.isdir(options.directory):
        raise Refusal(f"there is no directory {options.directory}", "see -C/--directory", code=ExitCode.USAGE)
    options.directory = os.path.abspath(options.directory) if options.directory else find(working_directory())
    given = options.stack_directory or os.environ.get(STACK_DIRECTORY_VARIABLE)
    options.stack_directory = os.path.abspath(given) if given else _default(options.directory, verb)


def _default(directory: str, verb: str) -> str:
    """`dev` has a stack directory of its own, so that it can run beside `up`; it is what others mean if it is alone."""
    usual = os.path.join(directory, STACK_DIRECTORY)
    development = os.path.join(usual, DEVELOPMENT)
    is_alone = _has_supervisor(development) and not _has_supervisor(usual)
    return development if verb == "dev" or (is_alone and verb in OF_WHAT_RUNS) else usual


def _has_supervisor(stack_directory: str) -> bool:
    """Whether one has left its socket there: it takes it away as it ends."""
    return os.path.exists(os.path.join(stack_directory, SOCKET_NAME))


def working_directory() -> str:
    """With its symlinks, as the shell has it in PWD (`pwd -L`): a release directory behind `current` is meant by that
    name, so that what is started after the next release finds that one.
    """
    logical = os.environ.get("PWD", "")
    try:
        return logical if os.path.isabs(logical) and os.path.samefile(logical, ".") else os.getcwd()
    except OSError:
        return os.getcwd()


def find(start: str) -> str:
    """The nearest folder from `start` upwards that is a project, else `start`."""
    directory = start
    while not _is_project(directory):
        parent = os.path.dirname(directory)
        if parent == directory:
            return start
        directory = parent
    return directory


def _is_project(directory: str) -> bool:
    if any(os.path.exists(os.path.join(directory, mark)) for mark in MARKS):
        return True
    try:
        with open(os.path.join(directory, "pyproject.toml"), "rb") as file:
            return b"[tool.procession" in file.read()
    except OSError:
        return False
