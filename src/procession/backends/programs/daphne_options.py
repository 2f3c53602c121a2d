"""Prints daphne's options as JSON. A program (`python -m`): importing daphne installs a Twisted reactor."""

from __future__ import annotations

import json

from daphne.cli import CommandLineInterface

from procession.backends.tables import from_argparse

if __name__ == "__main__":
    print(json.dumps([[option.names, option.takes] for option in from_argparse(CommandLineInterface().parser)]))
