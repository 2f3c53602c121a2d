"""The command line: installs the tools, causes each fault under each of them, prints one table."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks import processes
from benchmarks.injection.managers import INSTALLERS
from benchmarks.injection.managers.base import Manager
from benchmarks.injection.rows import FAULTS
from benchmarks.injection.rows.base import FULL, QUICK, Fault, NotOffered, Scale
from benchmarks.injection.trial import trial_of
from benchmarks.install import CACHE, Unavailable, hold_lock
from benchmarks.options import end_in_order, names_out_of

NOTHING = "–"
Cells = Mapping[tuple[str, str], str]  # by fault and manager


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all was tried; 1: something could not be, its cell says why; 2: wrong usage; 3: not one tool can be had."""
    options = _parse(arguments)
    end_in_order()
    processes.become_subreaper()
    with hold_lock(CACHE):
        managers = list(_install_all(options.peers))
    if not managers:
        return 3
    faults = [FAULTS[name] for name in options.only]
    cells = {
        (fault.name, manager.name): _cause(fault, manager, QUICK if options.quick else FULL)
        for fault in faults
        for manager in managers
    }
    table = format_table(faults, managers, cells)
    print(table)
    if options.markdown is not None:
        options.markdown.write_text(table)
    return 1 if any(cell.startswith("failed: ") for cell in cells.values()) else 0


def format_table(faults: Sequence[Fault], managers: Sequence[Manager], cells: Cells) -> str:
    """Markdown: a row for each fault, a column for each tool."""
    lines = [["fault", *(f"{manager.name} {manager.version}" for manager in managers)], ["---"] * (len(managers) + 1)]
    lines += [[fault.title, *(cells[fault.name, manager.name] for manager in managers)] for fault in faults]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/faults", description="Break things on purpose under Procession and its peers."
    )
    parser.add_argument("--quick", action="store_true", help="short waits and few lines: that it works, not what is so")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there too")
    for option, known in (("--only", tuple(FAULTS)), ("--peers", tuple(INSTALLERS))):
        parser.add_argument(
            option, type=names_out_of(known), default=known, metavar="NAME,...", help=f"of {', '.join(known)}"
        )
    return parser.parse_args(arguments)


def _install_all(names: Sequence[str]) -> Iterator[Manager]:
    for name in names:
        try:
            yield INSTALLERS[name](CACHE)
        except Unavailable as error:
            print(f"{name} is left out: {error}", file=sys.stderr)


def _cause(fault: Fault, manager: Manager, scale: Scale) -> str:
    """The border at which a tool's failure becomes a cell, and the others go on."""
    try:
        with trial_of(manager) as trial:
            cell = fault.cause(trial, scale)
    except NotOffered as reason:
        cell = f"{NOTHING} ({reason})"
    except (OSError, RuntimeError, subprocess.TimeoutExpired, ValueError) as error:
        cell = f"failed: {error}"
    print(f"{time.strftime('%H:%M:%S')} {fault.name}: {manager.name}: {cell}", file=sys.stderr, flush=True)
    return cell
