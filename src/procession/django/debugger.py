"""breakpoint() in an instance: at its terminal, wherever in the instance's tree it is called.

Python's own hook reads sys.stdin and writes to sys.stdout. A Celery pool's child has neither: billiard closes the one,
Celery redirects the other to its log. /dev/tty is the instance's terminal for all that it has started (tty(4)).
And where there is no terminal, Python's hook would meet the end of /dev/null and raise BdbQuit: a breakpoint() that
somebody has left in the code would make a request fail. Here it is passed over, and said.
"""

from __future__ import annotations

import os
import sys
from typing import IO

INSTANCE = "PROCESSION_INSTANCE"
TERMINAL = "/dev/tty"


def arrange() -> None:
    """Be the breakpoint() of this process, if it is an instance's and nobody has chosen another (PYTHONBREAKPOINT)."""
    is_python_own = sys.breakpointhook is sys.__breakpointhook__ and "PYTHONBREAKPOINT" not in os.environ
    if INSTANCE in os.environ and is_python_own:
        sys.breakpointhook = stop_here


def stop_here(*, header: str | None = None) -> None:
    """pdb at the caller's line, on the terminal of this instance; without one, a line on stderr and nothing more."""
    import pdb

    frame = sys._getframe(1)
    place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    if _is_on_terminal():
        debugger = pdb.Pdb()  # with readline: it edits lines, and knows what was typed before
    else:
        try:
            debugger = pdb.Pdb(stdin=open(TERMINAL), stdout=open(TERMINAL, "w"))
        except OSError:
            _say(f"passed over breakpoint() at {place}: there is no terminal to stop at", sys.stderr)
            _say(f'write "TTY": True for it, then: procession update; procession attach {_name()}', sys.stderr)
            return
    _say(f"stopped at {place}; to be there: procession attach {_name()}", debugger.stdout)
    if header:
        debugger.message(header)
    debugger.set_trace(frame)


def _is_on_terminal() -> bool:
    """Whether both are one; a program may have closed either, or put something else in its place."""
    try:
        return os.ttyname(sys.stdin.fileno()) == os.ttyname(sys.stdout.fileno())
    except (AttributeError, OSError, ValueError):
        return False


def _name() -> str:
    return os.environ.get(INSTANCE, "instance")


def _say(what: str, stream: IO[str]) -> None:
    print(f"procession: {_name()}: {what}", file=stream, flush=True)
