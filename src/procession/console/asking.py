"""A verb as it was typed, in an engine's own terms; names and numbers that cannot be meant are refused."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from procession.console import text
from procession.engines import files
from procession.engines.applied import Applied
from procession.engines.base import Asked, Engine
from procession.engines.options import read_options
from procession.engines.scaling import refuse_to_scale
from procession.refusal import ExitCode, Refusal
from procession.stack.model import Process

LINES_DEFAULT = 100  # of `logs`
LINES_DEFAULT_FOLLOWING = 10
STARTS = frozenset({"start", "restart", "roll"})
READS = frozenset({"status", "logs", "events"})
NEXT = "next"  # supervisord's: the one that a roll starts first


def ask(tool: Engine, applied: Applied, options: argparse.Namespace) -> Asked:
    """The options of the command line as the engine wants them. Raises Refusal for what cannot be scaled."""
    settings, _ = read_options(tool, applied.stack)
    return Asked(
        stack=applied.stack,
        options=settings,
        directory=applied.directory,
        owner=files.owner_of(applied.stack.name, applied.stack.directory, tool.name),
        names=tuple(getattr(options, "names", ()) or ()),
        replicas=_replicas(applied, getattr(options, "counts", ()) or ()),
        follow=getattr(options, "follow", False),
        lines=_lines(options),
        since=_moment(options, "since"),
        until=_moment(options, "until"),
        grep=getattr(options, "grep", ""),
        json=getattr(options, "json", False),
    )


def _lines(options: argparse.Namespace) -> int | None:
    """As the embedded supervisor has it: all with --since or --until. Raises Refusal."""
    said = getattr(options, "lines", None)
    if said is None:
        if getattr(options, "since", None) or getattr(options, "until", None):
            return None
        return LINES_DEFAULT_FOLLOWING if getattr(options, "follow", False) else LINES_DEFAULT
    try:
        return text.count_of_lines(said)
    except ValueError as error:
        raise Refusal(str(error), code=ExitCode.USAGE) from error


def _moment(options: argparse.Namespace, name: str) -> datetime | None:
    """Raises Refusal."""
    from procession.console.moments import moment

    said = getattr(options, name, None)
    try:
        return moment(said) if said else None
    except ValueError as error:
        raise Refusal(str(error), code=ExitCode.USAGE) from error


def _process_of(applied: Applied, name: str) -> Process:
    """Raises Refusal."""
    process = applied.stack.process(name)
    if process is None:
        known = [process.name for process in applied.stack.processes]
        raise Refusal(f"there is no process {name!r}" + text.suggestion(name, known), code=ExitCode.USAGE)
    return process


def refuse_names(verb: str, tool: Engine, applied: Applied, names: Sequence[str]) -> None:
    """No name may do nothing in silence, or mean more than it says. Beside the declared instances there may be others,
    left by a roll: they can be asked about and stopped, but not started. What the engine runs beside the processes can
    be asked about. Raises Refusal.
    """
    settings, _ = read_options(tool, applied.stack)
    beside = tool.beside(applied.stack, settings) if verb in READS else ()
    for name in names:
        process, dot, which = name.partition(".")
        if process in beside:
            continue
        declared = _process_of(applied, process).instances()
        may_be_there = verb not in STARTS and (which == NEXT or (which.isdecimal() and int(which) > 0))
        if dot and name not in declared and not may_be_there:
            instances = f"{process} has {', '.join(declared)}" if declared else f"{process} has none"
            raise Refusal(f"there is no instance {name!r}", instances, code=ExitCode.USAGE)


def _replicas(applied: Applied, counts: Iterable[tuple[str, int]]) -> Mapping[str, int]:
    """What `scale` was given. Raises Refusal."""
    found = dict(counts)
    for name, count in found.items():
        refuse_to_scale(_process_of(applied, name), count)
    return found
