"""The command line: installs the tools, gives each its turn in every round, prints one table."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import processes
from benchmarks.child import build_child
from benchmarks.install import CACHE, Unavailable, hold_lock
from benchmarks.measurements import MEASUREMENTS
from benchmarks.measurements.base import FULL, QUICK, Scale
from benchmarks.options import end_in_order, names_out_of
from benchmarks.peers import INSTALLERS
from benchmarks.peers.base import Argv, Peer
from benchmarks.results import Result, format_table, to_json
from benchmarks.rounds import measure_all


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all measured; 1: something failed, and the table says what; 2: wrong usage; 3: not one tool can be had."""
    options = _parse(arguments)
    end_in_order()
    processes.become_subreaper()
    with hold_lock(CACHE):
        child = build_child(CACHE)
        peers = list(_install_all(options.peers))
    if not peers:
        return 3
    scale = _choose_scale(options)
    results = measure_all(peers, [MEASUREMENTS[name] for name in options.only], scale, child)
    _report(results, peers, options.json, heading=_describe(scale, child))
    return 1 if any(result.is_failure for result in results) else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/run", description="Measure Procession beside its peers.")
    parser.add_argument("--quick", action="store_true", help="tiny counts, one round: that it works, not how well")
    parser.add_argument("--rounds", type=int, help=f"in each of which every tool has a turn (default: {FULL.rounds})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples there too")
    for option, known in (("--only", tuple(MEASUREMENTS)), ("--peers", tuple(INSTALLERS))):
        parser.add_argument(
            option, type=names_out_of(known), default=known, metavar="NAME,...", help=f"of {', '.join(known)}"
        )
    return parser.parse_args(arguments)


def _choose_scale(options: argparse.Namespace) -> Scale:
    scale = QUICK if options.quick else FULL
    return replace(scale, rounds=options.rounds) if options.rounds else scale


def _install_all(names: Iterable[str]) -> Iterator[Peer]:
    for name in names:
        try:
            yield INSTALLERS[name](CACHE)
        except Unavailable as error:
            print(f"{name} is left out: {error}", file=sys.stderr)


def _describe(scale: Scale, child: Argv) -> str:
    kind = "a static C program" if len(child) == 1 else "a Python program (no C compiler here)"
    load = ", ".join(f"{load:.2f}" for load in os.getloadavg())
    return (
        f"{scale.instances} instances of {kind}; {scale.rounds} rounds; idle for {scale.idle_seconds:g} s; "
        f"{os.cpu_count()} CPUs, Linux {os.uname().release}, load {load}\n"
    )


def _report(results: Sequence[Result], peers: Sequence[Peer], file: Path | None, *, heading: str) -> None:
    versions = {peer.name: peer.version for peer in peers}
    print(heading, format_table(results, versions), sep="\n")
    if file is not None:
        file.write_text(to_json(results, versions))
