"""What `procession top` becomes: see `console.top`, which has looked whether textual is there."""

from __future__ import annotations

import argparse
import os
import signal
import sys

from procession.refusal import ExitCode
from procession.top.app import Top


def main() -> int:
    """Until `q`; the exit code."""
    parser = argparse.ArgumentParser(prog="procession top")
    parser.add_argument("--stack-directory", required=True)
    app = Top(parser.parse_args().stack_directory)
    signal.signal(signal.SIGTERM, lambda *_: app.exit())  # the terminal is left as it was found
    app.run()
    return app.return_code or ExitCode.DONE


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # a look that still waits for its answer holds nobody up
