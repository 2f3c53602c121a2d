"""`procession reload`: new code under the old pid where the program can do that, else new pids."""

from __future__ import annotations

import argparse

from procession.console import talk

SUMMARY = "Make processes read their code again, each in the gentlest way that it has"
DETAILS = """\
A program with a safe reload signal of its own gets that one: HUP for gunicorn without --preload, and uvicorn
with workers. Its pid stays, and so do its options and its environment; and there is no way back from code that does not
boot. Anything else is rolled, and what cannot be rolled is restarted. It says which it did."""
EXAMPLES = ("procession reload web", "procession reload --all")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    talk.add_names_arguments(parser)
    talk.add_wait_arguments(parser)


def run(options: argparse.Namespace) -> int:
    return talk.perform("reload", {"names": talk.chosen_names(options)}, options)
