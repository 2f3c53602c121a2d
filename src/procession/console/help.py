"""`procession help`: the verbs, each with its line; or all about one of them."""

from __future__ import annotations

import argparse
import importlib

from procession.console import main
from procession.refusal import ExitCode, Refusal

SUMMARY = "List the verbs, or explain one"
EXAMPLES = ("procession help up",)
OVERVIEW_END = """\
Options that every verb takes: -C DIR, --stack-directory DIR, --settings MODULE, --no-color.
Exit codes: 0 done, 1 not so (unhealthy, mistakes found), 2 wrong usage, 3 no supervisor is there, 4 refused by the
system, 5 timed out.   Everything about one verb: {prog} help VERB"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("verb", nargs="?", metavar="VERB", help="the verb to explain")


def run(options: argparse.Namespace) -> int:
    if not options.verb:
        print("\n".join(overview(options.prog)))
        return ExitCode.DONE
    if options.verb not in main.verbs():
        raise Refusal(main.unknown(options.verb, options.prog), code=ExitCode.USAGE)
    main.parser_of(main.load(options.verb), options.verb, options.prog).print_help()
    return ExitCode.DONE


def overview(prog: str) -> list[str]:
    """Every verb with its summary, in groups."""
    lines = ["Procession runs a Django site's processes: declared once, run anywhere.", "", f"usage: {prog} VERB ..."]
    for title, names in main.VERBS.items():
        lines += ["", f"{title}:"]
        lines += [f"  {name:<12}{importlib.import_module(f'procession.console.{name}').SUMMARY}" for name in names]
    return [*lines, "", OVERVIEW_END.format(prog=prog)]
