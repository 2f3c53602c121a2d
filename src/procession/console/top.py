"""`procession top`: what runs, live in a terminal."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys

from procession.refusal import ExitCode, Refusal

SUMMARY = "Show what runs, live in the terminal: table, charts, logs; and act on it"
EXAMPLES = ("procession top", "procession -C /srv/mysite top")
DETAILS = """\
Keys: arrows select, `r` restarts, `o` rolls, `s` starts, `x` stops, `c` scales (each asks first), `/` finds in the log,
`f` filters, `?` shows the others, `q` quits. Colours are the terminal's own; NO_COLOR=1 or --no-color: none. It needs
textual: `pip install 'procession[tui]'`."""
TEXTUAL = "textual"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(options: argparse.Namespace) -> int:
    """Become the program that has the terminal. Raises Refusal."""
    if importlib.util.find_spec(TEXTUAL) is None:
        raise Refusal("`procession top` needs textual, which is not installed", "pip install 'procession[tui]'")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refusal("`procession top` needs a terminal", "elsewhere: procession status", code=ExitCode.USAGE)
    if options.no_color:
        os.environ["NO_COLOR"] = "1"
    argv = [sys.executable, "-P", "-m", "procession.top", "--stack-directory", options.stack_directory]
    os.execv(sys.executable, argv)
