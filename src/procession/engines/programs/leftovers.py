"""Ends what a supervisord has left that was killed itself: `python -I -S .../leftovers.py URL STOPS`.

URL is that supervisord's own, which it gives to all that it starts (SUPERVISOR_SERVER_URL). STOPS is JSON, for each
program {"web.1": ["TERM", 32.0]}: its main process gets the signal, and what is left of its process group after so
many seconds gets SIGKILL. Programs that are not in it get TERM and 10 seconds. Prints a line for each.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterator

OTHERS = ("TERM", 10.0)
NAME = "SUPERVISOR_PROCESS_NAME"


def main(url: str, stops: str) -> None:
    known = json.loads(stops)
    found = dict(find(url))
    for pid, name in found.items():
        send(pid, signal.Signals[f"SIG{known.get(name, OTHERS)[0]}"])
    began = time.monotonic()
    for pid, name in found.items():
        left = began + known.get(name, OTHERS)[1] - time.monotonic()
        print(f"{name}: pid {pid} {'ended' if await_end(pid, max(0.0, left)) else 'killed'}")


def find(url: str) -> Iterator[tuple[int, str]]:
    """The main processes, with the names of their programs: those whose parents are not of it."""
    mark = f"SUPERVISOR_SERVER_URL={url}".encode()
    marked = {pid: words for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if mark in (words := read(pid))}
    for pid, words in marked.items():
        if parent(pid) not in marked:
            variables = dict(word.decode(errors="replace").partition("=")[::2] for word in words)
            yield pid, variables.get(NAME, str(pid))


def read(pid: int) -> list[bytes]:
    """Its environment; nothing where it is not ours, or gone."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def parent(pid: int) -> int:
    """0 where it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def await_end(pid: int, seconds: float) -> bool:
    """Whether it ended by itself. What is left of its group, which supervisord made it the leader of, is killed."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        has_ended = True
    else:
        has_ended = bool(select.select([fd], [], [], seconds)[0])
        os.close(fd)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    return has_ended


if __name__ == "__main__":
    main(*sys.argv[1:])
