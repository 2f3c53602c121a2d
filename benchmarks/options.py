"""What the two command lines have in common."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence


def names_out_of(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """For argparse: "a,b" to the names, in the order of `known`."""

    def parse(text: str) -> tuple[str, ...]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
        return tuple(name for name in known if name in names)

    return parse


def end_in_order() -> None:
    """SIGTERM unwinds as an exit does, so that a trial that is cut off still ends what it has started."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
