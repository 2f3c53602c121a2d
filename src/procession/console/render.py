"""`procession render`: the complete stack, every blank filled in; or the files of an engine."""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib import import_module

from procession.console import declared, text
from procession.engines.registry import MODULES, engine
from procession.refusal import ExitCode, Refusal

NOT_SHOWN = "(not shown: there are secrets in it; --output DIR writes it)\n"
TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.engines.base import Rendering

SUMMARY = "Print the complete stack as JSON, or the files of an engine"
EXAMPLES = ("procession render --json", "procession render --engine systemd --output units/")
DETAILS = """\
The JSON holds the environment of every process as declared, secrets included; env files are named, not read.
The files of an engine are those that `procession apply` writes, for you to look at or to put where you want them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    declared.add_arguments(parser)
    parser.add_argument("--json", action="store_true", default=True, help="as JSON (default, without --engine)")
    parser.add_argument("--engine", metavar="NAME", default="", help=f"the files of this engine: {', '.join(MODULES)}")
    parser.add_argument("--output", metavar="DIR", default="", help="write them there (default: print them)")
    parser.add_argument(
        "--overwrite", action="store_true", help="with --output, also over ours that were edited by hand"
    )


def run(options: argparse.Namespace) -> int:
    loaded = declared.load_or_say(options, meanwhile=lambda: _import(options.engine))
    if loaded is None:
        return ExitCode.NOT_SO
    if options.output and not options.engine:
        raise Refusal("--output is for the files of an engine", "say which: --engine NAME", code=ExitCode.USAGE)
    if options.engine:
        return _render_for(options.engine, loaded, options)
    print(json.dumps(loaded.data, indent=2, ensure_ascii=False))
    return ExitCode.DONE


def _import(name: str) -> None:
    """What an engine needs, which takes its time. Raises Refusal for a name that is none."""
    if name:
        for module in ("files", "options", "secrets"):
            import_module(f"procession.engines.{module}")
        engine(name)


def _render_for(name: str, loaded: declared.Loaded, options: argparse.Namespace) -> int:
    from procession.engines import files  # here, because the engines take their time to import
    from procession.engines.options import read_options, without_alerts
    from procession.engines.secrets import may_be_shown

    tool, stack = engine(name), loaded.stack()
    settings, problems = read_options(tool, stack)
    rendering = tool.render(stack, settings) if settings is not None else None
    problems += [*rendering.problems, *without_alerts(tool, stack, settings)] if rendering else ()
    for line in text.problem_lines(problems, text.Ink(sys.stderr, no_color=options.no_color)):
        text.say(line)
    if rendering is None or any(problem.is_error for problem in problems):
        return ExitCode.NOT_SO
    owner = files.owner_of(stack.name, stack.directory, tool.name)
    if options.output:
        return _write(options, rendering, owner)
    for file in rendering.files:
        is_shown = may_be_shown(file.text, file.mode)
        print(f"==> {file.path} <==\n{file.marked(owner) if is_shown else NOT_SHOWN}")
    return ExitCode.DONE


def _write(options: argparse.Namespace, rendering: Rendering, owner: str) -> int:
    """Over what we wrote before, and nothing else; what is no longer wanted there stays: the folder is a person's."""
    from procession.console.apply import refuse_what_is_not_ours
    from procession.engines import files

    if os.path.exists(options.output) and not os.path.isdir(options.output):
        raise Refusal(f"{options.output} is no directory", "name one", code=ExitCode.USAGE)
    changes = files.compare(rendering.files, files.read_wanted(options.output, rendering.files), owner)
    refuse_what_is_not_ours(changes, options.output, overwrite=options.overwrite)
    files.write(options.output, rendering.files, changes)
    return ExitCode.DONE
