"""The verbs, when another engine than our own supervisor runs the site: the same words, done by its own tool."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import sleep
from typing import TypeVar

from procession.console import text
from procession.console.asking import ask, refuse_names
from procession.console.talk import chosen_names
from procession.engines import applied as memory
from procession.engines.applied import Applied
from procession.engines.base import Asked, Engine, Row, State
from procession.engines.needs import require
from procession.engines.options import read_options
from procession.engines.registry import EMBEDDED, engine
from procession.engines.steps import Steps, drive, print_all
from procession.recorder.reading.records import Record
from procession.refusal import ExitCode, Refusal
from procession.stack.model import Stack
from procession.units import show_seconds

HEAD = ("NAME", "STATE", "PID", "UPTIME", "RESTARTS", "")
COLORS = {State.READY: "green", State.DONE: "green", State.STOPPED: "dim", State.FAILED: "red", State.BACKOFF: "red"}
T = TypeVar("T")
WATCH_SECONDS = 1.0
CLEAR = "\x1b[H\x1b[J"
WAITING = {"wait": True, "timeout": None}
OPTIONS: Mapping[str, Mapping[str, object]] = {
    "logs": {"since": None, "until": None, "grep": "", "json": False, "no_times": False},
    "events": {"since": None, "json": False},
    **dict.fromkeys(("start", "stop", "restart", "roll", "scale", "down"), WAITING),
}
"""The options that not every engine can do, each as it is when nobody said it."""
INSTEAD: Mapping[str, str] = {
    "up": "procession start; or first, to change over: procession down",
    "update": "procession apply",
    "reload": "procession roll NAME",
    "signal": "procession restart NAME",
    "attach": "procession logs -f NAME",
    "upgrade": "there is nothing to upgrade: the engine has its own version",
}
"""What comes closest to a verb that only our own supervisor has."""
WHOLE = frozenset({"start", "stop", "restart"})  # of all, where no names are given
WELL = frozenset({State.READY, State.DONE, State.STOPPED})


def chosen(options: argparse.Namespace) -> Applied | None:
    """What runs the site: None is our own supervisor, which is also what `--engine embedded` says."""
    named = options.engine
    if named == EMBEDDED:
        return None
    applied = memory.read(options.stack_directory)
    if named and (applied is None or applied.engine != named):
        raise _not_applied(engine(named), applied)
    return applied


def _not_applied(tool: Engine, applied: Applied | None) -> Refusal:
    if not tool.runs:
        fix = "leave out --engine, and it is asked of what runs the site"
        return Refusal(f"{tool.title} is only configured by us, and runs nothing of the site", fix, code=ExitCode.USAGE)
    if applied is not None:
        return Refusal(
            f"the site does not run on {tool.name}: it was applied to {applied.engine}", "leave --engine out"
        )
    return Refusal(f"nothing was applied to {tool.name} yet", f"procession apply --engine {tool.name}")


def not_ours(verb: str, options: argparse.Namespace) -> Refusal:
    """For a verb of our own supervisor, where another engine runs the site: the two would run it twice."""
    applied = memory.read(options.stack_directory)
    runs, known = (applied.engine, engine(applied.engine).cannot) if applied else ("another engine", {})
    what = f"{runs} runs the site, and `{verb}` is for Procession's own supervisor"
    return Refusal(what, known.get(verb, INSTEAD[verb]))


def is_for_supervisor(verb: str, applied: Applied, options: argparse.Namespace) -> bool:
    """Whether the engine runs our own supervisor, and the verb concerns instances in it: not the site as a whole, which
    the engine starts and stops.
    """
    tool = engine(applied.engine)
    settings, _ = read_options(tool, applied.stack)
    is_whole = verb in WHOLE and not getattr(options, "names", ())
    return settings is not None and tool.runs_supervisor(settings) and verb != "down" and not is_whole


def perform(verb: str, applied: Applied, options: argparse.Namespace) -> int:
    """One verb, by the engine's own tool; gives the exit code. Raises Refusal."""
    tool = engine(applied.engine)
    _refuse_options(verb, tool, options)
    refuse_names(verb, tool, applied, getattr(options, "names", ()) or ())
    if not options.dry_run:
        drive(require(tool, ask(tool, applied, options)), text.say)
    if verb == "status":
        return _watch(tool, applied, options) if options.watch else _status(tool, applied, options)
    if verb not in tool.verbs:
        raise Refusal(f"{tool.title} has no way to {verb}", tool.cannot.get(verb, ""), code=ExitCode.USAGE)
    if hasattr(options, "all"):
        chosen_names(options)
    asked = ask(tool, applied, options)
    run_steps(tool.verbs[verb](asked), options, applied.stack)
    if not options.dry_run:
        _remember(verb, applied, asked, options)
    return ExitCode.DONE


def _refuse_options(verb: str, tool: Engine, options: argparse.Namespace) -> None:
    """What an engine cannot do is said, and not left out in silence."""
    for name, unsaid in OPTIONS.get(verb, {}).items():
        if getattr(options, name) != unsaid and name not in tool.takes.get(verb, ()):
            shown = "--no-wait" if name == "wait" else "--" + name.replace("_", "-")
            raise Refusal(f"{tool.title}: `{verb}` has no {shown}", "leave it out", code=ExitCode.USAGE)


def _remember(verb: str, applied: Applied, asked: Asked, options: argparse.Namespace) -> None:
    """What the verbs that come after have to know."""
    if verb == "down":
        memory.forget(options.stack_directory)
    if verb == "scale":
        memory.write(options.stack_directory, replace(applied, stack=scaled(applied.stack, asked.replicas)))


def scaled(stack: Stack, replicas: Mapping[str, int]) -> Stack:
    """The stack with other numbers of instances."""
    return replace(
        stack,
        processes=tuple(replace(one, replicas=replicas.get(one.name, one.replicas)) for one in stack.processes),
    )


def run_steps(steps: Steps[T], options: argparse.Namespace, stack: Stack) -> T:
    """Run them, or print them for --dry-run."""
    return print_all(steps, print) if options.dry_run else drive(steps, text.say, _shower(options, stack))


def _shower(options: argparse.Namespace, stack: Stack) -> Callable[[Record], None]:
    """Shows a log line as `procession logs` does, and when one follows them, at once: more may be long in coming."""
    show: Callable[[Record], None] | None = None

    def begin_and_show(record: Record) -> None:
        nonlocal show
        if show is None:
            from procession.console.logs import shower

            show = shower(options, instance_names(stack, options.names))
        show(record)
        if options.follow:
            sys.stdout.flush()

    return begin_and_show


def instance_names(stack: Stack, names: Sequence[str]) -> list[str]:
    """The declared instances of these processes, or those that are named themselves; no names: all."""
    each = [
        (process.name, f"{process.name}.{number + 1}")
        for process in stack.processes
        for number in range(process.replicas)
    ]
    return [name for process, name in each if not names or process in names or name in names]


def _watch(tool: Engine, applied: Applied, options: argparse.Namespace) -> int:
    """Again and again, until Ctrl-C: another engine does not tell when something changes."""
    while True:
        print(CLEAR, end="")
        _status(tool, applied, options)
        sys.stdout.flush()
        sleep(WATCH_SECONDS)


def _status(tool: Engine, applied: Applied, options: argparse.Namespace) -> int:
    asked = ask(tool, applied, options)
    if options.dry_run:
        print_all(tool.status(asked), print)
        return ExitCode.DONE
    rows = [row for row in drive(tool.status(asked), text.say) if _is_asked(row, asked.names)]
    if options.json:
        instances = [_as_data(row) for row in rows]
        data = {"engine": applied.engine, "name": applied.stack.name, "instances": instances}
        print(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        ink = text.Ink(sys.stdout, no_color=options.no_color)
        print(f"{applied.stack.name} on {tool.title}")
        print("\n".join(text.table(HEAD, [_cells(row) for row in rows], ink)))
    return ExitCode.DONE if all(row.state in WELL for row in rows) else ExitCode.NOT_SO


def _is_asked(row: Row, names: Sequence[str]) -> bool:
    return not names or row.name in names or row.process in names


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
        "life": row.life or (str(row.pid) if row.pid else ""),
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
