"""`procession roll`: new pids one by one, each ready before the old one goes."""

from __future__ import annotations

import argparse

from procession.console import talk

SUMMARY = "Replace instances one by one, each new one ready before the old one is drained"
DETAILS = """\
No connection is refused: the old and the new instance share the listeners that the supervisor holds. A new instance
that does not become ready ends the roll: the old one goes on serving, and the exit code is 1. MAX_SURGE says how many
may be replaced at once. What cannot be rolled, as a singleton, is refused; `--all` leaves it as it is, and says so.
"""
EXAMPLES = ("procession roll web", "procession roll --all --timeout 5m")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    talk.add_names_arguments(parser)
    talk.add_wait_arguments(parser)


def run(options: argparse.Namespace) -> int:
    return talk.perform("roll", {"names": talk.chosen_names(options)}, options)
