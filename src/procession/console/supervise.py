"""`procession supervise`: become the supervisor, in the foreground, with the pid that we have."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from typing import Any

from procession.console import declared, launch
from procession.refusal import ExitCode, Refusal

SUMMARY = "Be the supervisor in the foreground: as PID 1 of a container, or under systemd"
EXAMPLES = ("procession supervise",)
DETAILS = """\
It keeps its pid, prints every log line on stdout, and stops everything in order on SIGTERM or SIGINT.
On SIGHUP it runs `procession update` and says on its own log what came of it.
With mistakes in the declaration nothing is started, and the exit code is 1."""
FIRST = 1  # the pid of a container's main process
STACK_NAME = "declared.json"  # not the stack.json of a supervisor that may run here already


def add_arguments(parser: argparse.ArgumentParser) -> None:
    declared.add_arguments(parser)
    parser.add_argument(
        "--echo", action=argparse.BooleanOptionalAction, default=True, help="print the log lines on stdout (default)"
    )


def run(options: argparse.Namespace) -> int:
    if os.getpid() == FIRST:
        _hold_signals()
    loaded = declared.load_or_say(options)
    if loaded is None:
        return ExitCode.NOT_SO
    launch.prepare(options.stack_directory)
    stack = write_stack(options.stack_directory, declared.to_apply(loaded, options))
    argv = launch.command(options.stack_directory, "--stack", stack, *(["--echo"] if options.echo else []))
    return os.execv(argv[0], argv)


def _hold_signals() -> None:
    """A process 1 never gets a signal that it has no handler for (pid_namespaces(7)): `docker stop` of a container that
    is still reading its settings would be lost, and waited for until Docker kills. One that is blocked is kept, also
    over the exec, and is there when the supervisor takes its signals.
    """
    import signal

    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))


def write_stack(stack_directory: str, stack: Mapping[str, Any]) -> str:
    """Write the stack where the supervisor reads it; gives the path. Raises Refusal."""
    path = os.path.join(stack_directory, STACK_NAME)
    try:
        with open(os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(stack, file)
        os.rename(f"{path}.new", path)
    except OSError as error:
        raise Refusal(f"cannot write {path}: {error.strerror}") from error
    return path
