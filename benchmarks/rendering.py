"""`procession render` of a large site, the whole command: two Pythons start, settings are read, all ARGS are checked.

Each sample is followed by one of a fixed loop of Python, since a machine that is busy slows both alike: their ratio
is what can be compared between machines.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.large import LARGE_PROCESSES, write_site
from procession.engines.registry import MODULES

LOOP = [sys.executable, "-I", "-S", "-c", "total = 0\nfor number in range(4_000_000): total += number"]
HEAD = f"{'engine':12} {'best, s':>9} {'median, s':>10} {'CPU, s':>8} {'of the loop':>12} {'bytes':>10}"


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a command."""

    seconds: float
    cpu_seconds: float
    output_bytes: int


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all measured; 1: a command failed, and stderr says why."""
    options = _parse(arguments)
    with tempfile.TemporaryDirectory(prefix="procession-") as name:
        write_site(Path(name), options.processes)
        try:
            _run(_render("procfile"), name)  # Python's compiled files are there from now on, as on any second run.
            print(_describe(options), HEAD, sep="\n")
            for engine in options.engines:
                print(_line(engine, list(_measure(engine, options.rounds, name))), flush=True)
        except subprocess.CalledProcessError as error:
            print(f"{' '.join(error.cmd)} ended with {error.returncode}:\n{error.stderr.decode()}", file=sys.stderr)
            return 1
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/render", description="Measure `procession render` of a large site."
    )
    parser.add_argument("engines", nargs="*", metavar="ENGINE", default=MODULES, help=f"of {', '.join(MODULES)}")
    parser.add_argument("--processes", type=int, default=LARGE_PROCESSES, help=f"default: {LARGE_PROCESSES}")
    parser.add_argument("--rounds", type=int, default=7, help="runs for each engine (default: 7)")
    return parser.parse_args(arguments)


def _describe(options: argparse.Namespace) -> str:
    load = os.getloadavg()[0]
    where = f"{os.cpu_count()} CPUs, Linux {os.uname().release}, Python {sys.version.split()[0]}, load {load:.1f}"
    return f"procession render, {options.processes} processes, {options.rounds} rounds; {where}\n"


def _render(engine: str) -> list[str]:
    return [sys.executable, "-m", "procession", "render", "--engine", engine]


def _measure(engine: str, rounds: int, folder: str) -> Iterator[tuple[Sample, Sample]]:
    """Pairs: the command, and the loop right after it."""
    for _ in range(rounds):
        yield _run(_render(engine), folder), _run(LOOP, folder)


def _run(argv: list[str], folder: str) -> Sample:
    """Raises CalledProcessError."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    before, began = os.times(), time.monotonic()
    done = subprocess.run(argv, cwd=folder, env=kept, capture_output=True, check=True)
    after, ended = os.times(), time.monotonic()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Sample(ended - began, cpu, len(done.stdout))


def _line(engine: str, pairs: list[tuple[Sample, Sample]]) -> str:
    seconds = [one.seconds for one, _ in pairs]
    cpu = min(one.cpu_seconds for one, _ in pairs)
    of_loop = median(one.cpu_seconds / loop.cpu_seconds for one, loop in pairs)
    size = pairs[0][0].output_bytes
    return f"{engine:12} {min(seconds):9.2f} {median(seconds):10.2f} {cpu:8.2f} {of_loop:12.2f} {size:10,}"
