"""The same program 1, 10, 100, ... times under one supervisor: what the supervisor weighs, and how long its verbs take.

Memory, descriptors and wake-ups are the same on a busy machine. Times are not: compare within one run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import processes, trial
from benchmarks.child import build_child
from benchmarks.install import CACHE, hold_lock
from benchmarks.options import end_in_order, names_out_of
from benchmarks.peers import procession, supervisord
from benchmarks.peers.base import Argv, Peer, Programs
from benchmarks.trial import Trial, trial_of

PEERS = {"procession": procession.install, "supervisord": supervisord.install}
COUNTS = (1, 10, 100, 1000)
REPLICAS_MAX = 1000  # of one process: procession.stack.fields.RANGES
SETTLE_SECONDS = 2.0
PATIENCE_SECONDS = 900.0  # for thousands, on a machine with other things to do
UNITS = (("up", "s"), ("status", "s"), ("down", "s"), ("memory", "MiB"), ("processes", ""), ("descriptors", ""),
         ("cpu", "ms/s"), ("wakeups", "/s"))  # fmt: skip
DECIMALS = {"s": 2, "MiB": 1, "": 0, "ms/s": 1, "/s": 1}


@dataclass(frozen=True, slots=True)
class Grown:
    """One supervisor with so many instances. `figures` by the keys of UNITS, in these units."""

    peer: str
    instances: int
    figures: Mapping[str, float]
    why_not: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all measured; 1: something failed, and the table says what."""
    options = _parse(arguments)
    end_in_order()
    processes.become_subreaper()
    _allow_descriptors()
    trial.UP_SECONDS_MAX = trial.DOWN_SECONDS_MAX = trial.COMMAND_SECONDS_MAX = PATIENCE_SECONDS
    with hold_lock(CACHE):
        child = build_child(CACHE)
        peers = [_in_blocks(PEERS[name](CACHE)) for name in options.peers]
    print(_describe(options), flush=True)
    found = []
    for count in options.counts or COUNTS:
        for peer in peers:
            found.append(_measure(peer, count, child, options.idle))
            print(_line(found[-1]), flush=True)
    if options.json:
        rows = [{"tool": one.peer, "instances": one.instances, **one.figures, "why_not": one.why_not} for one in found]
        options.json.write_text(json.dumps(rows, indent=2))
    return 1 if any(one.why_not for one in found) else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/scale", description="Measure a supervisor as it grows.")
    parser.add_argument("counts", nargs="*", type=int, metavar="COUNT", help=f"instances (default: {COUNTS})")
    parser.add_argument("--peers", type=names_out_of(tuple(PEERS)), default=tuple(PEERS), metavar="NAME,...")
    parser.add_argument("--idle", type=float, default=10.0, metavar="SECONDS", help="for CPU and wake-ups (10)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    return parser.parse_args(arguments)


def _allow_descriptors() -> None:
    """As many as this user may have: what limits a tool here is to be the tool."""
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))


def _describe(options: argparse.Namespace) -> str:
    load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    where = f"{os.cpu_count()} CPUs, Linux {os.uname().release}, load {load}, RLIMIT_NOFILE {limit:,}"
    head = "".join(f"{f'{key}, {unit}' if unit else key:>14}" for key, unit in UNITS)
    return f"{where}; idle for {options.idle:g} s\n\n{'tool':12}{'instances':>10}{head}"


def _in_blocks(peer: Peer) -> Peer:
    """Procession takes 1,000 instances of one process: more of them are several processes."""

    def write(directory: Path, programs: Programs) -> None:
        command = f"COMMAND = {json.dumps(programs.argv)}"
        blocks = [min(REPLICAS_MAX, programs.instances - first) for first in range(0, programs.instances, REPLICAS_MAX)]
        tables = [
            f"[processes.sleeper{number}]\n{command}\nREPLICAS = {count}\n" for number, count in enumerate(blocks)
        ]
        (directory / "procession.toml").write_text("\n".join(tables))

    return replace(peer, write=write) if peer.name == "procession" else peer


def _measure(peer: Peer, count: int, child: Argv, idle_seconds: float) -> Grown:
    """The border at which a tool's failure becomes a word in the table."""
    try:
        with trial_of(peer, child, count) as one:
            return Grown(peer.name, count, _take(one, idle_seconds))
    except (OSError, RuntimeError, TimeoutError, subprocess.TimeoutExpired) as error:
        return Grown(peer.name, count, {}, f"failed: {error}")


def _take(one: Trial, idle_seconds: float) -> dict[str, float]:
    up_seconds = one.up()
    one.wait_until_all_steady()
    time.sleep(SETTLE_SECONDS)
    own = one.find_own_processes()
    before = processes.measure_usage(own)
    time.sleep(idle_seconds)
    used = processes.measure_usage(own).since(before)
    figures = {
        "memory": processes.measure_memory_bytes(own) / 2**20,
        "processes": len(own),
        "descriptors": _count_descriptors(own),
        "cpu": 1000 * used.cpu_seconds / idle_seconds,
        "wakeups": used.wakeups / idle_seconds,
    }
    assert one.peer.status is not None
    return {**figures, "up": up_seconds, "status": one.time_command(one.peer.status), "down": one.down()}


def _count_descriptors(pids: Iterable[int]) -> int:
    """Of the process that has the most: the limit is each one's own."""
    found = [0]
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.append(len(os.listdir(f"/proc/{pid}/fd")))
    return max(found)


def _line(one: Grown) -> str:
    start = f"{one.peer:12}{one.instances:>10,}"
    if one.why_not:
        return f"{start}  {one.why_not}"
    return start + "".join(f"{one.figures[key]:>14,.{DECIMALS[unit]}f}" for key, unit in UNITS)
