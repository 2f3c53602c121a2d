"""`procession check`: all that is wrong with the declaration, at once; nothing is started."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace

from procession.console import declared, text
from procession.refusal import ExitCode
from procession.stack.codec import to_data

SUMMARY = "Find the mistakes in the declaration"
EXAMPLES = ("procession check",)
DETAILS = "Exit codes: 0 no mistakes (there may be warnings), 1 mistakes."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    declared.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the problems as JSON")


def run(options: argparse.Namespace) -> int:
    loaded = _with_engines(declared.load(options))
    if options.json:
        print(json.dumps(to_data(loaded.problems), indent=2, ensure_ascii=False))
    else:
        ink = text.Ink(sys.stdout, no_color=options.no_color)
        print("\n".join([*text.problem_lines(loaded.problems, ink), *([_all_well(loaded)] if loaded.is_good else [])]))
    return ExitCode.DONE if loaded.is_good else ExitCode.NOT_SO


def _with_engines(loaded: declared.Loaded) -> declared.Loaded:
    """And what is wrong with ENGINES, which nothing but an engine reads."""
    if not loaded.is_good or not loaded.stack().engines:
        return loaded
    from procession.engines.options import find_mistakes  # here, because the engines take their time to import

    return replace(loaded, problems=(*loaded.problems, *find_mistakes(loaded.stack())))


def _all_well(loaded: declared.Loaded) -> str:
    stack = loaded.stack()
    instances = sum(process.replicas for process in stack.processes)
    processes = text.plural(len(stack.processes), "process")
    return f"{stack.name}: {processes}, {text.plural(instances, 'instance')}; no mistakes found"
