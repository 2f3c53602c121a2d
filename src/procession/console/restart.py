"""`procession restart`: new pids."""

from __future__ import annotations

import argparse

from procession.console import talk

SUMMARY = "Stop processes gracefully and start them again"
EXAMPLES = ("procession restart web worker", "procession restart --all")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    talk.add_names_arguments(parser)
    talk.add_wait_arguments(parser)


def run(options: argparse.Namespace) -> int:
    return talk.perform("restart", {"names": talk.chosen_names(options)}, options)
