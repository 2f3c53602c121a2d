"""`procession scale worker=4`: how many instances run."""

from __future__ import annotations

import argparse

from procession.console import talk

SUMMARY = "Say how many instances of a process run"
EXAMPLES = ("procession scale worker=4 web=2",)
DETAILS = "It holds until another number is declared; 0 is allowed."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("counts", nargs="+", metavar="NAME=COUNT", type=count, help="such as worker=4")
    talk.add_wait_arguments(parser)


def run(options: argparse.Namespace) -> int:
    return talk.perform("scale", {"counts": dict(options.counts)}, options)


def count(written: str) -> tuple[str, int]:
    """`worker=4` as ("worker", 4). Raises ArgumentTypeError."""
    name, equals, number = written.partition("=")
    if not name or not equals or not number.isdecimal():
        raise argparse.ArgumentTypeError(f"write NAME=COUNT, such as worker=4, not {written!r}")
    return name, int(number)
