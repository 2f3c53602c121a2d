"""`procession render`: the complete stack, every blank filled in; or the files of an engine."""

from __future__ import annotations

import argparse
import json
import os
import sys

from procession.console import declared, text
from procession.refusal import ExitCode

SUMMARY = "Print the complete stack as JSON, or the files of an engine"
EXAMPLES = ("procession render --json", "procession render --engine systemd --output units/")
DETAILS = """\
The JSON holds the environment of every process as declared, secrets included; env files are named, not read.
The files of an engine are those that `procession apply` writes, for you to look at or to put where you want them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    declared.add_arguments(parser)
    parser.add_argument("--json", action="store_true", default=True, help="as JSON (default, without --engine)")
    parser.add_argument("--engine", metavar="NAME", default="", help="the files of this engine")
    parser.add_argument("--output", metavar="DIR", default="", help="write them there (default: print them)")


def run(options: argparse.Namespace) -> int:
    loaded = declared.load_or_say(options)
    if loaded is None:
        return ExitCode.NOT_SO
    if options.engine:
        return _render_for(options.engine, loaded, options)
    print(json.dumps(loaded.data, indent=2, ensure_ascii=False))
    return ExitCode.DONE


def _render_for(name: str, loaded: declared.Loaded, options: argparse.Namespace) -> int:
    from procession.engines import files  # here, because the engines take their time to import
    from procession.engines.options import read_options
    from procession.engines.registry import engine

    tool, stack = engine(name), loaded.stack()
    settings, problems = read_options(tool, stack)
    rendering = tool.render(stack, settings) if settings is not None else None
    problems += rendering.problems if rendering else ()
    for line in text.problem_lines(problems, text.Ink(sys.stderr, no_color=options.no_color)):
        text.say(line)
    if rendering is None or any(problem.is_error for problem in problems):
        return ExitCode.NOT_SO
    owner = files.owner_of(stack.name, stack.directory)
    if options.output:
        there = files.read_there(options.output, rendering.files, owner) if os.path.isdir(options.output) else {}
        files.write(options.output, rendering.files, files.compare(rendering.files, there, owner))
        return ExitCode.DONE
    for file in rendering.files:
        print(f"==> {file.path} <==\n{file.marked(owner)}")
    return ExitCode.DONE
