"""`procession stop`: stop processes; they stay stopped until somebody starts them."""

from __future__ import annotations

import argparse

from procession.console import talk

SUMMARY = "Stop processes gracefully; the others run on"
EXAMPLES = ("procession stop worker.2",)
DETAILS = "They stay stopped, whatever `procession update` brings, until `procession start` or `procession up`."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    talk.add_names_arguments(parser)
    talk.add_wait_arguments(parser)


def run(options: argparse.Namespace) -> int:
    return talk.perform("stop", {"names": talk.chosen_names(options)}, options)
