"""`procession doctor`: why does it not start, keep restarting, or not answer? The cause first, and what to do."""

from __future__ import annotations

import argparse
import json
import sys

from procession.console import declared, text
from procession.doctor.case import Case
from procession.doctor.examine import EXAMINATIONS, OF_THE_SITE, examine
from procession.doctor.finding import Finding, Weight
from procession.refusal import ExitCode
from procession.stack.codec import to_data

SUMMARY = "Find out why the site does not start, keeps restarting, or does not answer"
EXAMPLES = ("procession doctor", "procession doctor web")
DETAILS = """\
The cause stands first, then what comes of it, then what may go wrong one day; each with what to do, and what was seen.
It changes nothing. It looks with the eyes of the supervisor, where one runs: with its environment, and in a process's
directory and as its user. Exit codes: 0 nothing is wrong, 1 something is."""
COLORS = {Weight.CAUSE: "red", Weight.SAID: "red", Weight.SYMPTOM: "yellow", Weight.RISK: "dim"}
RISKS = "Not the cause of anything now:"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a process (web), and what it depends on; default: all"
    )
    declared.add_arguments(parser)
    parser.add_argument("--engine", metavar="NAME", default="", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print what is found as JSON")
    parser.add_argument(
        "--no-site", dest="site", action="store_false", help="do not load the site, nor ask its database and broker"
    )


def run(options: argparse.Namespace) -> int:
    from procession.console.history_taking import take_history  # here, because --help needs none of it

    case = take_history(options)
    found = examine(case)
    if options.json:
        print(json.dumps([{**to_data(finding), "weight": finding.weight.name.lower()} for finding in found], indent=2))
    else:
        ink = text.Ink(sys.stdout, no_color=options.no_color)
        print("\n".join(report(found, case, ink)))
    return ExitCode.NOT_SO if any(finding.weight < Weight.RISK for finding in found) else ExitCode.DONE


def report(found: list[Finding], case: Case, ink: text.Ink) -> list[str]:
    """The lines that a person reads, most wanted first."""
    wrong = [finding for finding in found if finding.weight < Weight.RISK]
    risks = found[len(wrong) :]
    lines = [line for number, finding in enumerate(wrong, 1) for line in _lines(finding, f"{number}. ", ink)]
    if not wrong:
        lines = [ink("green", _all_well(case))]
    if risks:
        lines += ["", RISKS, *(line for finding in risks for line in _lines(finding, "-  ", ink))]
    return [*lines, "", *(ink("dim", line) for line in _looked_at(case))]


def _looked_at(case: Case) -> list[str]:
    seen = [name for name in EXAMINATIONS if case.report or name not in OF_THE_SITE]
    unseen = [name for name in EXAMINATIONS if name not in seen]
    why = "the site was not loaded"
    return [f"Looked at: {', '.join(seen)}.", *([f"Not looked at: {', '.join(unseen)}: {why}."] if unseen else [])]


def _lines(finding: Finding, mark: str, ink: text.Ink) -> list[str]:
    """What; what to do; what was seen."""
    from procession.console.lines import harmless

    indent = " " * len(mark)
    head = f"{mark}{ink(COLORS[finding.weight], harmless(finding.what, has_color=False))}"
    do = [f"{indent}do:  {finding.fix}"] if finding.fix else []
    seen = [ink("dim", f"{indent}saw: {harmless(line, has_color=False)}") for line in finding.seen]
    return [head, *do, *seen]


def _all_well(case: Case) -> str:
    views = case.views()
    return f"Nothing is wrong: {text.plural(len(views), 'instance')} as it should be."
