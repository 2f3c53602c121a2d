"""Starts the supervisor: `python -I -S .../procession/supervisor/__main__.py --directory STACKDIR [--stack FILE]
[--ready-fd N] [--open-files N] [--echo]`.

It says once on fd N, as JSON, whether it is there: {"ready": true, "pid": 4121}, or {"ready": false, "code": 4, "text":
[...]}. Exit codes: 0 everything is down, 2 wrong usage, 4 refused by the system.

`--check` says only whether this version would go on with what runs in the directory: {"version": "0.4.0", "why_not":
""}. `--inherit` and `--replaces` are written by the supervisor before: see `successor` and `inherited`.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":  # with -I nothing but the standard library is on the path
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

import gc
import json
from dataclasses import dataclass, field

import procession
from procession.refusal import ExitCode, Refusal
from procession.stack.codec import from_data
from procession.stack.model import Stack
from procession.supervisor.linux import kernel, rundir
from procession.supervisor.linux.activation import Passed, passed_on
from procession.supervisor.linux.begin import begin, note_upgrade
from procession.supervisor.linux.inherited import Inherited, parse_inherited, show_inherited
from procession.supervisor.linux.openfiles import raise_own
from procession.supervisor.linux.predecessors import end_predecessors
from procession.supervisor.linux.recorder import KEPT_FD
from procession.supervisor.linux.rehearsal import why_not
from procession.supervisor.linux.supervisor import Supervisor

USAGE = "usage: supervisor --directory STACKDIR [--stack FILE] [--ready-fd N] [--open-files N] [--echo] [--check]"


@dataclass(slots=True)
class Options:
    directory: str = ""
    stack: str = ""
    ready_fd: int = -1
    open_files: int = 0  # what instances may have open; 0: what we may have
    echo: bool = False
    check: bool = False
    inherited: Inherited = field(default_factory=Inherited)
    replaces: str = ""  # the version that became us


def main(arguments: list[str]) -> int:
    """Supervise until everything is down; the exit code."""
    try:
        options = parse(arguments)
    except ValueError as error:
        print(f"supervisor: {error}\n{USAGE}", file=sys.stderr)
        return ExitCode.USAGE
    if options.check:
        print(json.dumps({"version": procession.__version__, "why_not": why_not(options.directory)}))
        return ExitCode.DONE
    _take_fds(options.ready_fd)
    options.open_files = raise_own(options.open_files)
    passed = passed_on(os.environ, options.inherited.lent)
    options.inherited.listeners += passed.take_kept()
    try:
        supervisor = _prepare(options, passed)
    except Refusal as refusal:
        _say(options.ready_fd, {"ready": False, "code": refusal.code, "text": [refusal.what, refusal.fix]})
        print(f"supervisor: {refusal.what}" + (f"\n    {refusal.fix}" if refusal.fix else ""), file=sys.stderr)
        return refusal.code
    _say(options.ready_fd, {"ready": True, "pid": os.getpid()})
    gc.freeze()  # What the start has made stays: to look through it again would only dirty pages that a fork shares.
    supervisor.run()
    return ExitCode.DONE


def parse(arguments: list[str]) -> Options:
    """Raises ValueError. By hand: argparse would cost 2 MB for as long as we live."""
    options = Options()
    rest = iter(arguments)
    for argument in rest:
        if argument == "--echo":
            options.echo = True
        elif argument == "--check":
            options.check = True
        elif argument == "--inherit":
            options.inherited = parse_inherited(next(rest, ""))
        elif argument == "--replaces":
            options.replaces = next(rest, "")
        elif argument == "--directory":
            options.directory = os.path.abspath(next(rest, ""))
        elif argument == "--stack":
            options.stack = next(rest, "")
        elif argument == "--ready-fd":
            options.ready_fd = int(next(rest, ""))
        elif argument == "--open-files":
            options.open_files = int(next(rest, ""))
        else:
            raise ValueError(f"unknown argument {argument!r}")
    if not options.directory:
        raise ValueError("--directory is missing")
    return options


def _prepare(options: Options, passed: Passed) -> Supervisor:
    """Everything up to the first event. Raises Refusal."""
    rundir.prepare(options.directory)
    is_new = not os.path.exists(os.path.join(options.directory, rundir.LOCK_NAME))
    lock = options.inherited.lock if options.inherited.lock >= 0 else rundir.lock(options.directory)
    ended = end_predecessors(options.directory) if is_new else []
    given = _read_stack(options.stack) if options.stack else None
    try:
        supervisor = Supervisor(options.directory, lock, options.inherited, passed, echo=options.echo)
    except OSError as error:
        raise Refusal(f"cannot begin in {options.directory}: {error.strerror or error}") from error
    try:
        kernel.become_subreaper()
    except OSError as error:
        supervisor.recorder.note(f"grandchildren that leave their session are found by a search only: {error}")
    begin(supervisor, given, _argv(options), by_a_person=options.inherited.notify < 0)
    if options.replaces:
        note_upgrade(supervisor, options.replaces)
    if ended:
        who = ", ".join(map(str, ended))
        supervisor.recorder.note(f"this directory was deleted while a supervisor ran in it: it was ended, pids {who}")
    return supervisor


def _argv(options: Options) -> list[str]:
    """How we are started again: without the stack, which is in the directory by then."""
    argv = [sys.executable, "-I", "-S", os.path.abspath(__file__), "--directory", options.directory]
    argv += ["--inherit", show_inherited(Inherited(notify=KEPT_FD))]
    argv += ["--open-files", str(options.open_files)]
    return [*argv, "--echo"] if options.echo else argv


def _read_stack(path: str) -> Stack:
    try:
        with open(path, "rb") as file:
            return from_data(Stack, json.load(file))
    except OSError as error:
        raise Refusal(f"cannot read the stack {path}: {error.strerror}") from error
    except (TypeError, ValueError) as error:
        raise Refusal(f"the stack {path} makes no sense: {error}", "write it with: procession render --json") from error


def _take_fds(ready_fd: int) -> None:
    """What a careless parent left open is not for our instances; and 0, 1, 2 must not become other files."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        try:
            if fd > 2 and os.get_inheritable(fd) and fd != ready_fd:
                os.set_inheritable(fd, False)
        except OSError:
            pass  # the listing's own
    if ready_fd >= 0:
        os.set_inheritable(ready_fd, False)


def _say(fd: int, message: dict[str, object]) -> None:
    if fd < 0:
        return
    try:
        os.write(fd, json.dumps(message).encode() + b"\n")
        os.close(fd)
    except OSError:
        pass  # nobody waits for it any more


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
