"""`procession signal HUP web`: send a signal to main processes, and to nothing else of their trees."""

from __future__ import annotations

import argparse
import signal

from procession.console import talk
from procession.console.text import suggestion
from procession.refusal import ExitCode, Refusal

SUMMARY = "Send a signal to the main process of each instance"
EXAMPLES = ("procession signal HUP web",)
DETAILS = "The signal may stand last, too."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("signal", metavar="SIGNAL", help="HUP, USR1, ...; a number will do")
    talk.add_names_arguments(parser)


def run(options: argparse.Namespace) -> int:
    options.wait, options.timeout = True, None
    name, options.names = parse(options.signal, options.names)
    return talk.perform("signal", {"names": talk.chosen_names(options), "signal": name}, options)


def parse(first: str, rest: list[str]) -> tuple[str, list[str]]:
    """The signal, and the names, whichever came first. Raises Refusal."""
    if known(first):
        return known(first), rest
    if rest and known(rest[-1]):
        return known(rest[-1]), [first, *rest[:-1]]
    names = {member.removeprefix("SIG") for member in signal.Signals.__members__}
    raise Refusal(f"there is no signal {first!r}{suggestion(first.upper(), names)}", code=ExitCode.USAGE)


def known(written: str) -> str:
    """`HUP` for "HUP", "hup", "SIGHUP" and "1"; empty for what is no signal."""
    name = written.upper().removeprefix("SIG")
    if name.isdecimal():
        found = next((one for one in signal.Signals if one == int(name)), None)
        return found.name.removeprefix("SIG") if found else ""
    return name if f"SIG{name}" in signal.Signals.__members__ else ""
