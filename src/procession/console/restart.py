"""`procession restart`: new pids."""

from __future__ import annotations

import argparse

from procession.console import talk

SUMMARY = "Give processes a new start: rolled where they can be, else stopped first"
DETAILS = """\
Where the old and the new one can share what they serve, the new one is ready before the old one goes, as with `roll`.
Singletons, and programs that bind their own address, are stopped first. New code needs this: `update` looks at the
declaration alone."""
EXAMPLES = ("procession restart web worker", "procession restart --all")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    talk.add_names_arguments(parser)
    talk.add_wait_arguments(parser)


def run(options: argparse.Namespace) -> int:
    return talk.perform("restart", {"names": talk.chosen_names(options)}, options)
