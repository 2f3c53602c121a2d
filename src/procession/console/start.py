"""`procession start`: start what a person had stopped, or what gave up."""

from __future__ import annotations

import argparse

from procession.console import talk

SUMMARY = "Start processes that are stopped or have failed"
EXAMPLES = ("procession start worker",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    talk.add_names_arguments(parser)
    talk.add_wait_arguments(parser)


def run(options: argparse.Namespace) -> int:
    return talk.perform("start", {"names": talk.chosen_names(options)}, options)
