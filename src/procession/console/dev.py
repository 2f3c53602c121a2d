"""`procession dev`: the site as its developer runs it, restarted when its files change."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from dataclasses import replace

from procession.console import declared, launch, text, up
from procession.console.attached import Attached
from procession.console.project import STACK_DIRECTORY
from procession.control.client import Client
from procession.refusal import ExitCode, Refusal
from procession.stack.codec import to_data
from procession.stack.model import Stack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.console.autoreload.reloader import Reloader

SUMMARY = "Develop: run what is declared for it, restart it when files change"
EXAMPLES = ("procession dev", "procession dev web worker --port 9000")
DETAILS = """\
Runs DEVELOPMENT_PROCESSES, [development] of a TOML file, or Procfile.dev; where none is there, what is declared for
production, one of each, its web servers as Django's runserver. Each process is restarted when files change that it
reads (its WATCH), unless .gitignore names them; not while one of them does not compile. A change of the declaration is
applied. PORT is 8000 for web (5000 of a Procfile), and a hundred more for each other process.
Ctrl-C stops everything in order; a second Ctrl-C kills what is left. It runs beside a `procession up` of the same
folder; with none of that running, the other verbs (status, logs, restart, ...) speak with this one."""
LOCK_NAME = "dev.lock"
INSTALL = 'to restart processes when files change: pip install "procession[dev]"'
PREFIX_COLUMNS = len(" | ")
COLUMNS_MIN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="run only these, and what they depend on")
    parser.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        default="",
        help="take this manage.py, procession.toml or Procfile (default: what is found in the project)",
    )
    parser.add_argument("--port", metavar="PORT", type=port, help="the first PORT: that of web")
    parser.add_argument(
        "--reload",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="restart processes when their files change (default)",
    )


def port(written: str) -> int:
    """Raises ValueError for what is no port, which argparse turns into wrong usage."""
    number = int(written)
    if not 0 < number < 65536:
        raise ValueError(written)
    return number


def run(options: argparse.Namespace) -> int:
    options.dev = options.adapted = True
    if options.port:
        os.environ["PORT"] = str(options.port)  # the settings may ask for it, too
    loaded = _load(options)
    if loaded is None:
        return ExitCode.NOT_SO
    _prepare(options.stack_directory)
    with _Lock(options.stack_directory):
        return _run(loaded, options)


def _run(loaded: declared.Loaded, options: argparse.Namespace) -> int:
    assert loaded.data is not None, "_load gives no other"
    stack = loaded.stack()
    for line in _chosen(stack):
        text.say(f"-- {line}")
    reloader = _reloader(loaded, options)
    with _client(options, stack) as client:
        attached = Attached(client, options, owns=True, ready=up.summary(loaded.data), beside=reloader)
        return attached.run({"stack": loaded.data, "start": True})


def children_environment(stack: Stack, *, no_color: bool) -> dict[str, str]:
    """What the processes find: whether to colour their lines, and how wide they may be. Their env files win over it."""
    environment = dict(os.environ)
    if sys.stdout.isatty():
        width = max((len(name) for process in stack.processes for name in process.instances()), default=0)
        environment["COLUMNS"] = str(max(COLUMNS_MIN, text.columns(sys.stdout) - width - PREFIX_COLUMNS))
    if no_color:
        environment = {**environment, "NO_COLOR": "1", "FORCE_COLOR": ""}
    elif text.wants_color(sys.stdout):
        environment |= {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "PY_COLORS": "1"}
    return environment


def _prepare(stack_directory: str) -> None:
    """Make the stack directory, and the one around it as `up` would make it."""
    around = os.path.dirname(stack_directory)
    if os.path.basename(around) == STACK_DIRECTORY:
        launch.prepare(around)
    launch.prepare(stack_directory)


def _load(options: argparse.Namespace) -> declared.Loaded | None:
    """The declaration, less what was not asked for; None where it has mistakes, which are said. Raises Refusal."""
    loaded = declared.load_or_say(options)
    if loaded is None or not options.names:
        return loaded
    return replace(loaded, data=to_data(only(loaded.stack(), options.names)))


def only(stack: Stack, names: list[str]) -> Stack:
    """The stack of these processes and of all that they depend on. Raises Refusal for a name that is none."""
    known = [process.name for process in stack.processes]
    waiting, kept = list(names), set()
    while waiting:
        name = waiting.pop()
        process = stack.process(name)
        if process is None:
            raise Refusal(f"there is no process {name!r}; there are: {', '.join(known)}", code=ExitCode.USAGE)
        if name not in kept:
            kept.add(name)
            waiting += [dependency.name for dependency in process.depends_on]
    return replace(stack, processes=tuple(process for process in stack.processes if process.name in kept))


def _chosen(stack: Stack) -> list[str]:
    """What is run in place of what nobody has declared for development."""
    origins = [process.origin for process in stack.processes]
    if any(_is_for_development(origin.key, origin.file) for origin in origins):
        return []
    if not any(origin.key or origin.line for origin in origins):
        return []
    web = [process.name for process in stack.processes if process.backend == "runserver"]
    place = origins[0].file if origins[0].source == "procfile" else origins[0].key.partition("[")[0]
    served = f", with runserver as {', '.join(web)}" if web else ""
    return [f"nothing is declared for development (DEVELOPMENT_PROCESSES, Procfile.dev): this is {place}{served}"]


def _is_for_development(key: str, file: str) -> bool:
    return key.startswith(("DEVELOPMENT_PROCESSES", "development.")) or file.endswith(".dev")


class _Lock:
    """While in it, no other `procession dev` of this folder can be: two would restart everything twice."""

    def __init__(self, stack_directory: str) -> None:
        self._path = os.path.join(stack_directory, LOCK_NAME)

    def __enter__(self) -> None:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.read(self._fd, 20).decode(errors="replace").strip()
            os.close(self._fd)
            raise Refusal(f"`procession dev` runs here already, pid {pid}", code=ExitCode.NOT_SO) from error
        os.ftruncate(self._fd, 0)
        os.write(self._fd, f"{os.getpid()}\n".encode())

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def _client(options: argparse.Namespace, stack: Stack) -> Client:
    """A connection to a new supervisor, or to one whose `procession dev` was killed: then it is taken over."""
    try:
        return Client(options.stack_directory)
    except Refusal as refusal:
        if refusal.code != ExitCode.NO_SUPERVISOR:
            raise
    environment = children_environment(stack, no_color=options.no_color)
    launch.start_supervisor(options.stack_directory, environment)
    return Client(options.stack_directory)


def _reloader(loaded: declared.Loaded, options: argparse.Namespace) -> Reloader | None:
    """None where nobody wants it, or where what looks at the files is not installed, which is said."""
    if not options.reload:
        return None
    try:
        from procession.console.autoreload.reloader import Reloader, env_files
        from procession.console.autoreload.watcher import Watcher
    except ModuleNotFoundError as error:
        if error.name not in {"watchfiles", "pathspec"}:
            raise
        text.say(f"-- {INSTALL}")
        return None
    stack = loaded.stack()
    return Reloader(Watcher(stack.directory, env_files(stack)), loaded, lambda: _load(options))
