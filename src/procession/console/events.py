"""`procession events`: what has happened to instances, and who asked for it."""

from __future__ import annotations

import json
import sys

from procession.console.text import count_of_lines, say
from procession.refusal import ExitCode, Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from procession.recorder.reading.history import Event, Wanted

SUMMARY = "Show what has happened: starts, exits, restarts, rolls, and who asked for them"
EXAMPLES = ("procession events web --since 1h", "procession events -f")
LAST_DEFAULT = 50
SAID_BY_TEXT = frozenset({"text", "status"})  # "exited with 3" says all of an exit


def add_arguments(parser: ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a process (web) or an instance (web.2); default: all")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes, until Ctrl-C")
    parser.add_argument(
        "-n", "--lines", metavar="N", help=f"the last N events, or `all` (default: {LAST_DEFAULT}; all with --since)"
    )
    parser.add_argument("--since", metavar="TIME", help="from then on: 10m, 2h, 1d ago, 07:31, 2026-11-21T07:31:00Z")
    parser.add_argument("--json", action="store_true", help="one object a line")


def run(options: Namespace) -> int:
    """Show the events; the exit code. Raises Refusal."""
    import sqlite3

    from procession.recorder.reading.history import history_path

    try:
        wanted = _wanted(options)
        return _show(options, wanted)
    except KeyboardInterrupt:
        return ExitCode.DONE  # it is how one ends -f
    except ValueError as error:
        raise Refusal(str(error), code=ExitCode.USAGE) from error
    except sqlite3.Error as error:
        raise Refusal(f"cannot read {history_path(options.stack_directory)}: {error}") from error


def line_of(event: Event) -> str:
    """`2026-11-21T07:31:00.123Z  web.1  exited  pid 4121  status 3  (uid 1000 (operator))`"""
    from datetime import UTC, datetime

    from procession.console.moments import as_stamp

    message = event.detail.get("message") or event.detail.get("text")
    told = SAID_BY_TEXT if "text" in event.detail else {"message"}
    rest = [f"{key} {_shown(value)}" for key, value in event.detail.items() if key not in told]
    parts = [
        as_stamp(datetime.fromtimestamp(event.at, UTC)),
        event.instance or event.process or "-",
        event.kind,
        f"pid {event.pid}" if event.pid else "",
        ", ".join(([str(message)] if message else []) + rest),
        f"({event.who})" if event.who else "",
    ]
    return "  ".join(part for part in parts if part)


def _show(options: Namespace, wanted: Wanted) -> int:
    from procession.recorder.reading.changes import Changes
    from procession.recorder.reading.history import read_events

    changes = Changes()  # before the first look
    changes.watch([options.stack_directory])
    try:
        events = read_events(options.stack_directory, wanted)
        _check_names(options, events)
    except FileNotFoundError:
        say(f"no events yet in {options.stack_directory}: nothing has been started here")
        if not options.follow:
            return ExitCode.NOT_SO
        events = []
    while True:
        for event in events:
            print(json.dumps(_as_object(event)) if options.json else _for_stdout(line_of(event)))
        sys.stdout.flush()
        if not options.follow:
            return ExitCode.DONE
        wanted = _after(wanted, events)
        changes.watch([options.stack_directory])
        changes.wait()
        events = _events_if_any(options.stack_directory, wanted)


def _events_if_any(directory: str, wanted: Wanted) -> list[Event]:
    from procession.recorder.reading.history import read_events

    try:
        return read_events(directory, wanted)
    except FileNotFoundError:
        return []


def _after(wanted: Wanted, events: list[Event]) -> Wanted:
    """What to ask for next; nothing has come yet: the same again."""
    from dataclasses import replace

    return replace(wanted, after_id=events[-1].id, last=None) if events else wanted


def _check_names(options: Namespace, events: list[Event]) -> None:
    """Raises ValueError for a name that no event has."""
    from procession.recorder.reading.history import names_in

    if events or not options.names:
        return
    known = names_in(options.stack_directory)
    unknown = [name for name in options.names if name not in known]
    if unknown:
        raise ValueError(f"no events of {', '.join(map(repr, unknown))}; there are: {', '.join(known) or 'none'}")


def _wanted(options: Namespace) -> Wanted:
    """Raises ValueError."""
    from procession.console.moments import moment
    from procession.recorder.reading.history import Wanted

    since = moment(options.since).timestamp() if options.since else 0.0
    if options.lines is None:
        last = None if options.since else LAST_DEFAULT
    else:
        last = count_of_lines(options.lines)
    return Wanted(tuple(options.names), since, last)


def _as_object(event: Event) -> dict[str, object]:
    return {
        "id": event.id, "at": event.at, "kind": event.kind, "process": event.process, "instance": event.instance,
        "pid": event.pid, "detail": event.detail, "who": event.who,
    }  # fmt: skip


def _for_stdout(line: str) -> str:
    from procession.console.lines import harmless

    return harmless(line, has_color=False)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
