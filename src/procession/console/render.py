"""`procession render`: the complete stack, every blank filled in."""

from __future__ import annotations

import argparse
import json

from procession.console import declared
from procession.refusal import ExitCode

SUMMARY = "Print the complete stack as JSON"
EXAMPLES = ("procession render --json",)
DETAILS = "It holds the environment of every process as declared, secrets included; env files are named, not read."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    declared.add_arguments(parser)
    parser.add_argument("--json", action="store_true", default=True, help="as JSON, the only form so far")


def run(options: argparse.Namespace) -> int:
    loaded = declared.load_or_say(options)
    if loaded is None:
        return ExitCode.NOT_SO
    print(json.dumps(loaded.data, indent=2, ensure_ascii=False))
    return ExitCode.DONE
