"""`procession signal HUP web`: send a signal to main processes, and to nothing else of their trees."""

from __future__ import annotations

import argparse
import signal

from procession.console import talk
from procession.console.text import suggestion

SUMMARY = "Send a signal to the main process of each instance"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("signal", metavar="SIGNAL", type=signal_name, help="HUP, USR1, ...; a number will do")
    talk.add_names_arguments(parser)


def run(options: argparse.Namespace) -> int:
    options.wait, options.timeout = True, None
    return talk.perform("signal", {"names": talk.chosen_names(options), "signal": options.signal}, options)


def signal_name(written: str) -> str:
    """`HUP` for "HUP", "hup", "SIGHUP" and "1". Raises ArgumentTypeError."""
    name = written.upper().removeprefix("SIG")
    if name.isdecimal() and int(name) in list(signal.Signals):
        return signal.Signals(int(name)).name.removeprefix("SIG")
    known = {member.removeprefix("SIG") for member in signal.Signals.__members__}
    if name not in known:
        raise argparse.ArgumentTypeError(f"there is no signal {written!r}{suggestion(name, known)}")
    return name
