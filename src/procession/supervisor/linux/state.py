"""What the next supervisor must know: what people asked for, and which processes are whose. Kept in state.json.

What a process itself says comes before what the file says: an instance carries its mark in its environment, and the
file may be older than it, cut short, or gone. The file tells of those whose environment cannot be read, and what was
known of them.
"""

from __future__ import annotations

import os
import time
from binascii import crc32
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from procession.control.wire import Message
from procession.stack.model import Process
from procession.supervisor.core.memory import remember
from procession.supervisor.core.model import Model
from procession.supervisor.linux import procfs
from procession.supervisor.linux.instances import Life
from procession.supervisor.linux.procfs import Mark

VERSION = 1


@dataclass(frozen=True, slots=True)
class Found:
    """A main process that an earlier supervisor left running, and what is known of it."""

    name: str
    life: int
    pid: int
    start_ticks: int
    was_ready: bool | None = None  # None: not known
    restarts: int = 0
    digest: int = 0  # of the declaration that it runs; 0: not known

    @property
    def age_seconds(self) -> float:
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - self.start_ticks / procfs.TICKS_A_SECOND)


def digest(process: Process) -> int:
    """Tells two declarations of one process apart; only what a life runs by counts. Never 0."""
    lived_by = (
        process.argv, process.handoff, process.listeners, sorted(process.environment.items()), process.env_files,
        process.directory, process.user, process.group, process.umask, process.limits,
        process.no_new_privs,
        *([process.lock] if process.lock else []),
        *(["prometheus"] if process.prometheus else []),
    )  # fmt: skip
    return crc32(repr(lived_by).encode("utf-8", "surrogateescape")) or 1


def to_state(model: Model, lives: list[Life]) -> dict[str, object]:
    """The contents of state.json."""
    return {
        "version": VERSION,
        "boot": procfs.boot_id(),
        "memory": remember(model),
        "live": [_live(model, life) for life in lives],
    }


def why_of_no_use(state: Message) -> str:
    """Why nothing that is written there counts; "" if it does. Pids, and what ran, mean nothing after a reboot."""
    if state.get("version") != VERSION:
        return f"state.json is of format {state.get('version')!r}, and this version knows {VERSION}"
    return "" if state.get("boot") == procfs.boot_id() else "the machine was started again since"


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is of an earlier supervisor: `living` main processes, the oldest life first (while an instance was
    being rolled there are two of it), and the marks of dead ones of which something is left.
    """

    living: tuple[Found, ...]
    leftovers: tuple[Mark, ...]


def survey(directory: str, state: Message, owners: Collection[int]) -> Survey:
    """Look through all processes. For a process whose environment cannot be read, what the state claims has to do.

    A mark is believed of a process of one of these users alone: anybody can write one into an environment of his own,
    and root would adopt, or kill, whatever it names.
    """
    living = {claimed.life: claimed for claimed in _claimed(state) if _is_there(claimed)}
    marks = set(_marks(directory, owners))
    for mark in marks:
        main = procfs.read_stat(mark.main)
        if main and not main.is_dead and mark.life not in living and procfs.read_mark(main.pid) == mark:
            living[mark.life] = Found(mark.instance, mark.life, main.pid, main.start_ticks)
    pids = {found.pid for found in living.values()}
    oldest_first = sorted(living.values(), key=lambda found: found.life)
    return Survey(tuple(oldest_first), tuple(mark for mark in marks if mark.main not in pids))


def _marks(directory: str, owners: Collection[int]) -> Iterator[Mark]:
    """The marks of this stack directory; that of a container, which may have a path of the same name, is another."""
    for pid in procfs.all_pids():
        mark = procfs.read_mark(pid)
        try:
            if mark is None or mark.directory != directory or procfs.read_owner(pid) not in owners:
                continue
            if procfs.is_in_our_namespace(pid):
                yield mark
        except OSError:
            continue


def _is_there(claimed: Found) -> bool:
    """It lives; or we can still learn how it ended, because it is our child: see `successor`."""
    stat = procfs.read_stat(claimed.pid)
    is_the_same = stat is not None and stat.start_ticks == claimed.start_ticks
    return stat is not None and is_the_same and (not stat.is_dead or stat.parent == os.getpid())


def _live(model: Model, life: Life) -> dict[str, object]:
    instance = model.find(life.name, life.number)
    return {
        "name": life.name,
        "life": life.number,
        "pid": life.pid,
        "start_ticks": life.start_ticks,
        "was_ready": instance is not None and instance.ready_at is not None,
        "restarts": instance.restarts if instance is not None else 0,
        "digest": digest(life.process),
    }


def _claimed(state: Message) -> Iterator[Found]:
    """What the file says, as far as it makes sense."""
    live = state.get("live")
    for item in live if isinstance(live, list) else []:
        try:
            yield Found(**_fields(item))
        except (TypeError, KeyError):
            continue


def _fields(item: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {"name": str, "was_ready": bool, **dict.fromkeys(("life", "pid", "start_ticks", "restarts", "digest"), int)}
    if not all(isinstance(item[name], kind) for name, kind in kinds.items()):
        raise TypeError("a field of another type")
    return {name: item[name] for name in kinds}
