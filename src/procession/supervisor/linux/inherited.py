"""The fds that a supervisor gets from the one before it, by number: "lock=4,control=5,notify=6,listener=7,listener=8".

An upgrade is an execve(2) of another program in the same process: what is open stays open. What the recorder starts
after a death gets the notify socket, which the recorder has kept.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

NAMES = ("lock", "control", "notify", "listener", "lent")


@dataclass(slots=True)
class Inherited:
    """-1 where there is none. `listeners`: whose they are is not said, their addresses tell."""

    lock: int = -1
    control: int = -1
    notify: int = -1
    listeners: list[int] = field(default_factory=list)
    lent: list[int] = field(default_factory=list)  # listeners that are systemd's, see `activation`


def parse_inherited(text: str) -> Inherited:
    """Raises ValueError for what makes no sense. An fd that is not open (any more) is left out."""
    found: dict[str, list[int]] = {name: [] for name in NAMES}
    for item in filter(None, text.split(",")):
        name, _, number = item.partition("=")
        if name not in found or not number.isdecimal():
            raise ValueError(f"not an fd to inherit: {item!r}")
        if _is_open(int(number)):
            found[name].append(int(number))
    lock, control, notify = ((found[name] or [-1])[-1] for name in NAMES[:3])
    return Inherited(lock, control, notify, found["listener"], found["lent"])


def show_inherited(inherited: Inherited) -> str:
    """The text that `parse_inherited` reads."""
    single = {"lock": inherited.lock, "control": inherited.control, "notify": inherited.notify}
    items = [f"{name}={fd}" for name, fd in single.items() if fd >= 0]
    listeners = [f"listener={fd}" for fd in inherited.listeners]
    return ",".join([*items, *listeners, *(f"lent={fd}" for fd in inherited.lent)])


def all_fds(inherited: Inherited) -> list[int]:
    single = (inherited.lock, inherited.control, inherited.notify)
    return [fd for fd in (*single, *inherited.listeners, *inherited.lent) if fd >= 0]


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
