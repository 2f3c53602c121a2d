"""`procession apply`: hand the stack to an engine that is there already."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace

from procession.console import declared, text
from procession.console.engine import run_steps
from procession.console.launch import DIRECTORY_MODE, ignore_in_git
from procession.control.wire import SOCKET_NAME
from procession.engines import applied as memory
from procession.engines import files
from procession.engines.applied import Applied
from procession.engines.base import Asked, Engine, Rendering
from procession.engines.files import Change, Difference
from procession.engines.needs import require
from procession.engines.options import read_options, without_alerts
from procession.engines.registry import EMBEDDED, MODULES, engine
from procession.engines.secrets import may_be_shown
from procession.engines.steps import drive
from procession.errors import Problem
from procession.refusal import ExitCode, Refusal

SUMMARY = "Hand the site to systemd, supervisord, Compose, Swarm or Kubernetes"
EXAMPLES = ("procession apply --engine systemd", "procession apply --dry-run")
DETAILS = """\
Shows what changes, has the engine's own checker look at it, and only then writes the files, its own alone, and makes
the engine take them in. Afterwards the other verbs (status, logs, restart, ...) drive that engine.
Exit codes: 0 applied, or nothing to do, 1 mistakes in the declaration, 4 refused by the engine or the system."""
QUIET = frozenset({Change.SAME})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    declared.add_arguments(parser)
    parser.add_argument(
        "--engine", metavar="NAME", default="", help=f"{', '.join(MODULES)} (default: that of the last apply)"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the changes and print every command; do nothing")
    parser.add_argument("--overwrite", action="store_true", help="also replace files of ours that were edited by hand")


def run(options: argparse.Namespace) -> int:
    tool = engine(_name(options))
    if "apply" in tool.cannot:
        raise Refusal(f"{tool.title} is only written, and not run by us", tool.cannot["apply"], code=ExitCode.USAGE)
    if tool.runs:
        _refuse_two_at_once(tool, options)
    loaded = declared.load_or_say(options)
    if loaded is None:
        return ExitCode.NOT_SO
    stack = loaded.stack()
    settings, problems = read_options(tool, stack)
    if _say(problems, options):
        return ExitCode.NOT_SO
    _say(without_alerts(tool, stack, settings), options)
    rendering = tool.render(stack, settings)
    if _say(rendering.problems, options):
        return ExitCode.NOT_SO
    owner = files.owner_of(stack.name, stack.directory, tool.name)
    asked = Asked(stack=stack, options=settings, directory=tool.directory(stack, settings), owner=owner)
    return _apply(tool, rendering, asked, options)


def _name(options: argparse.Namespace) -> str:
    if options.engine == EMBEDDED:
        raise Refusal("the embedded supervisor needs no files", "start it: procession up", code=ExitCode.USAGE)
    last = None if options.engine else memory.read(options.stack_directory)
    if not options.engine and last is None:
        names = ", ".join(MODULES)
        raise Refusal("say to which engine", f"procession apply --engine NAME, of: {names}", code=ExitCode.USAGE)
    return str(options.engine or (last and last.engine))


def _refuse_two_at_once(tool: Engine, options: argparse.Namespace) -> None:
    """What runs already holds the ports and does the work: the site would be there twice. (An engine may be what runs
    our supervisor.)
    """
    last = memory.read(options.stack_directory)
    if last is not None and last.engine == tool.name:
        return
    if last is not None:
        gone = f"if that is gone for good, remove {memory.path_in(options.stack_directory)}"
        raise Refusal(f"{last.engine} runs the site", f"first: procession down --engine {last.engine}; {gone}")
    if os.path.exists(os.path.join(options.stack_directory, SOCKET_NAME)):
        raise Refusal("Procession's own supervisor runs the site", "first: procession down --engine embedded")


def _say(problems: Sequence[Problem], options: argparse.Namespace) -> bool:
    """On stderr; whether there is an error among them."""
    for line in text.problem_lines(problems, text.Ink(sys.stderr, no_color=options.no_color)):
        text.say(line)
    return any(problem.is_error for problem in problems)


def _apply(tool: Engine, rendering: Rendering, asked: Asked, options: argparse.Namespace) -> int:
    owner = asked.owner
    there = files.read_there(asked.directory, rendering.files, owner)
    changes = files.compare(rendering.files, there, owner)
    modes = {file.path: file.mode for file in rendering.files}
    _show(changes, asked.directory, modes, options)
    refuse_what_is_not_ours(changes, asked.directory, overwrite=options.overwrite)
    is_there = _is_there(tool, asked, options)
    if is_there:
        _check(tool, rendering, asked)
    last = memory.read(options.stack_directory) if tool.runs else None
    asked = replace(asked, changed=_to_take_in(changes, last))
    if not options.dry_run:
        if tool.runs:
            _begin(last, asked, options)
        files.write(asked.directory, rendering.files, changes)
        _remember(tool, asked, options, pending=asked.changed)
    try:
        run_steps(tool.apply(asked), options, asked.stack)
    except Refusal:
        if is_there:
            raise
        text.say("what it would do next depends on what runs there")  # a dry run, without the engine
    if not options.dry_run:
        _remember(tool, asked, options)
    return ExitCode.DONE


def _to_take_in(changes: Sequence[Difference], last: Applied | None) -> tuple[str, ...]:
    """The files that are others than those that the engine runs: also those that the last apply has only written."""
    pending = last.pending if last else ()
    if pending:
        text.say(f"the last apply was called off; this one goes on with what it has left: {', '.join(pending)}")
    return tuple(dict.fromkeys([*(one.path for one in changes if one.change not in QUIET), *pending]))


def _begin(last: Applied | None, asked: Asked, options: argparse.Namespace) -> None:
    """What is to be taken in is remembered first: with a full disk some of it is there, and later looks the same."""
    os.makedirs(options.stack_directory, DIRECTORY_MODE, exist_ok=True)
    ignore_in_git(options.stack_directory)
    if last is not None:
        memory.write(options.stack_directory, replace(last, pending=asked.changed))


def _remember(tool: Engine, asked: Asked, options: argparse.Namespace, *, pending: tuple[str, ...] = ()) -> None:
    if tool.runs:
        memory.write(options.stack_directory, Applied(tool.name, asked.directory, asked.stack, pending))


def _is_there(tool: Engine, asked: Asked, options: argparse.Namespace) -> bool:
    """Before anything is touched. A dry run goes on without the engine. Raises Refusal."""
    try:
        drive(require(tool, asked), text.say)
    except Refusal as refusal:
        if not options.dry_run:
            raise
        text.say(f"it would be refused: {refusal.what}")
        return False
    return True


def _show(changes: Sequence[Difference], directory: str, modes: Mapping[str, int], options: argparse.Namespace) -> None:
    ink = text.Ink(sys.stdout, no_color=options.no_color)
    colors = {"+": "green", "-": "red", "@": "cyan"}
    for one in changes:
        if one.change is not Change.SAME:
            print(ink("bold", f"{os.path.join(directory, one.path)}: {one.change}"))
            for line in _lines(one, directory, modes.get(one.path, 0o777)):
                print(ink(colors.get(line[:1], ""), f"    {line}"))
    if all(one.change is Change.SAME for one in changes):
        print(f"{directory}: {text.plural(len(changes), 'file')}, none changed")


def _lines(one: Difference, directory: str, mode: int) -> Sequence[str]:
    """The diff. `mode` is the wanted one; the file that is there may be its owner's alone, and hold what was asked for
    once.
    """
    if one.change is Change.FOREIGN:
        return ()
    if one.before is not None:
        mode &= os.stat(os.path.join(directory, one.path)).st_mode
    is_shown = all(may_be_shown(text, mode) for text in (one.before, one.after) if text is not None)
    return one.lines() if is_shown else ["(not shown: there are secrets in it)"]


def refuse_what_is_not_ours(changes: Sequence[Difference], directory: str, *, overwrite: bool) -> None:
    """Raises Refusal for a file in the way that somebody else wrote, or edited."""
    foreign = [one.path for one in changes if one.change is Change.FOREIGN]
    if foreign:
        path = os.path.join(directory, foreign[0])
        raise Refusal(f"{path} is not ours: it carries no mark of this site", "move it away; nothing was changed")
    edited = [one.path for one in changes if one.change is Change.EDITED]
    if edited and not overwrite:
        path = os.path.join(directory, edited[0])
        raise Refusal(f"{path} was edited by hand", "put the edit into the declaration, or say --overwrite")


def _check(tool: Engine, rendering: Rendering, asked: Asked) -> None:
    """The engine's own checker, on files that are not in place yet. Raises Refusal; then nothing was changed."""
    with tempfile.TemporaryDirectory(prefix="procession-") as directory:
        changes = files.compare(rendering.files, {}, asked.owner)
        files.write(directory, rendering.files, changes)
        drive(tool.check(replace(asked, directory=directory)), text.say)
