"""The verbs, when another engine than our own supervisor runs the site: the same words, done by its own tool."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from typing import TypeVar

from procession.console import text
from procession.engines import applied as memory
from procession.engines.applied import Applied
from procession.engines.base import Asked, Engine, Row, State
from procession.engines.options import read_options
from procession.engines.registry import EMBEDDED, engine
from procession.engines.steps import Steps, drive, print_all
from procession.refusal import ExitCode, Refusal
from procession.units import show_seconds

HEAD = ("NAME", "STATE", "PID", "UPTIME", "RESTARTS", "")
COLORS = {State.READY: "green", State.DONE: "green", State.STOPPED: "dim", State.FAILED: "red", State.BACKOFF: "red"}
T = TypeVar("T")
LINES_DEFAULT = 100  # of `logs`
WELL = frozenset({State.READY, State.DONE, State.STOPPED})


def chosen(options: argparse.Namespace) -> Applied | None:
    """What runs the site: None is our own supervisor, which is also what `--engine embedded` says."""
    named = options.engine
    if named == EMBEDDED:
        return None
    applied = memory.read(options.stack_directory)
    if named and (applied is None or applied.engine != named):
        raise Refusal(f"nothing was applied to {named} yet", f"procession apply --engine {named}")
    return applied


def perform(verb: str, applied: Applied, options: argparse.Namespace) -> int:
    """One verb, by the engine's own tool; gives the exit code. Raises Refusal."""
    tool = engine(applied.engine)
    if verb == "status":
        return _status(tool, applied, options)
    if verb not in tool.verbs:
        raise Refusal(f"{tool.title} has no way to {verb}", tool.cannot.get(verb, ""), code=ExitCode.USAGE)
    asked = ask(tool, applied, options)
    run_steps(tool.verbs[verb](asked), options)
    if verb == "down" and not options.dry_run:
        memory.forget(options.stack_directory)
    return ExitCode.DONE


def ask(tool: Engine, applied: Applied, options: argparse.Namespace) -> Asked:
    """The options of the command line as the engine wants them. Raises Refusal for a name that is no process."""
    names = tuple(getattr(options, "names", ()) or ())
    for name in names:
        _process_of(applied, name)
    settings, _ = read_options(tool, applied.stack)
    return Asked(
        stack=applied.stack,
        options=settings,
        directory=applied.directory,
        names=names,
        replicas=_replicas(applied, getattr(options, "counts", ()) or ()),
        follow=getattr(options, "follow", False),
        lines=int(getattr(options, "lines", None) or LINES_DEFAULT),
    )


def run_steps(steps: Steps[T], options: argparse.Namespace) -> T:
    """Run them, or print them for --dry-run."""
    return print_all(steps, print) if options.dry_run else drive(steps, text.say)


def _process_of(applied: Applied, name: str) -> str:
    process = name.partition(".")[0]
    if applied.stack.process(process) is None:
        known = [process.name for process in applied.stack.processes]
        raise Refusal(f"there is no process {process!r}" + text.suggestion(process, known), code=ExitCode.USAGE)
    return process


def _replicas(applied: Applied, counts: Iterable[tuple[str, int]]) -> Mapping[str, int]:
    """What `scale` was given. Raises Refusal."""
    return {_process_of(applied, name): count for name, count in counts}


def _status(tool: Engine, applied: Applied, options: argparse.Namespace) -> int:
    rows = drive(tool.status(ask(tool, applied, options)), text.say)
    if options.json:
        instances = [_as_data(row) for row in rows]
        data = {"engine": applied.engine, "name": applied.stack.name, "instances": instances}
        print(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        ink = text.Ink(sys.stdout, no_color=options.no_color)
        print(f"{applied.stack.name} on {tool.title}")
        print("\n".join(text.table(HEAD, [_cells(row) for row in rows], ink)))
    return ExitCode.DONE if all(row.state in WELL for row in rows) else ExitCode.NOT_SO


def _as_data(row: Row) -> dict[str, object]:
    """One row of `status --json`; the keys are those of the embedded supervisor, as far as an engine knows them."""
    return {
        "name": row.name,
        "process": row.process,
        "phase": row.state.value,
        "pid": row.pid,
        "uptime_seconds": row.uptime_seconds,
        "restarts": row.restarts,
        "why": row.said,
    }


def _cells(row: Row) -> list[text.Cell]:
    uptime = "" if row.uptime_seconds is None else show_seconds(row.uptime_seconds)
    restarts = "" if row.restarts is None else str(row.restarts)
    return [
        text.Cell(row.name),
        text.Cell(row.state.value, COLORS.get(row.state, "yellow")),
        text.Cell(str(row.pid or "")),
        text.Cell(uptime),
        text.Cell(restarts),
        text.Cell(row.said),
    ]
