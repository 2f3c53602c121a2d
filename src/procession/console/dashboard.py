"""`procession dashboard`: the pages of the dashboard on this machine, for a site that does not want them inside."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys

from procession.refusal import ExitCode, Refusal

SUMMARY = "Show what runs in the browser, and let it be started, rolled, scaled"
EXAMPLES = ("procession dashboard", "procession dashboard --port 0 --read-only")
DETAILS = """\
It listens on 127.0.0.1 alone, and prints a link that works once: the browser that opens it first gets a cookie. From
another machine: `ssh -L 8020:127.0.0.1:8020 HOST`, and the link as it was printed. Ctrl-C ends it. It needs Django
(which every Django site has), and none of the site's settings: it works while the site does not."""
PORT_DEFAULT = 8020
PORT_MAX = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", metavar="N", type=port, default=PORT_DEFAULT, help=f"the port (default: {PORT_DEFAULT}); 0 is any"
    )
    parser.add_argument("--read-only", action="store_true", help="without the actions")


def run(options: argparse.Namespace) -> int:
    """Become the program that serves the pages: it hears Ctrl-C itself. Raises Refusal."""
    if importlib.util.find_spec("django") is None:
        raise Refusal(f"the dashboard needs Django, and {sys.executable} has none", "use the Python of the site")
    if not os.path.isdir(options.stack_directory):
        raise Refusal(
            f"there is no stack directory {options.stack_directory}", "see -C/--directory", code=ExitCode.NO_SUPERVISOR
        )
    argv = [sys.executable, "-P", "-m", "procession.dashboard", "--port", str(options.port)]
    argv += ["--stack-directory", options.stack_directory, *(["--read-only"] if options.read_only else [])]
    sys.stdout.flush()
    os.execv(sys.executable, argv)


def port(written: str) -> int:
    """Raises ValueError, which argparse turns into wrong usage."""
    number = int(written)
    if not 0 <= number <= PORT_MAX:
        raise ValueError(written)
    return number
