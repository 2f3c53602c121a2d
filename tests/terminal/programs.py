"""What stands at a prompt in these tests, and how its terminal's holder is found."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.supervisor.programs import is_alive

PROMPT = """
import os, signal, sys

def show_window(*_):
    print("window", *os.get_terminal_size(0), flush=True)

def show_interrupt(*_):
    print("interrupted", flush=True)

signal.signal(signal.SIGWINCH, show_window)
signal.signal(signal.SIGINT, show_interrupt)
signal.signal(signal.SIGHUP, lambda *_: print("hung up", flush=True))
while True:
    breakpoint()
"""


def declaration(name: str = "web", code: str = PROMPT, *, tty: bool = True, more: str = "") -> str:
    """A table of procession.toml: a Python program, on a terminal."""
    command = json.dumps([sys.executable, "-I", "-S", "-c", code])
    return f"[processes.{name}]\ncommand = {command}\ntty = {str(tty).lower()}\n{more}\n"


def holders(directory: Path) -> list[int]:
    """The pids of the holders of this stack directory's terminals."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        is_holder = any(word.endswith(b"/procession/terminal/__main__.py") for word in words)
        if is_holder and os.fsencode(directory) in words and is_alive(int(path.parent.name)):
            found.append(int(path.parent.name))
    return found
