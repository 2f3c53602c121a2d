"""`procession logs`: what instances have said, merged by time."""

from __future__ import annotations

import json
import os
import sys

from procession.console.text import Ink, count_of_lines, say
from procession.recorder.reading.parts import NEVER, log_paths, parts_of, sort_key
from procession.refusal import ExitCode, Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator

    from procession.recorder.reading.logs import Parts, Wanted
    from procession.recorder.reading.parts import Part
    from procession.recorder.reading.records import Record

SUMMARY = "Show what instances have said, merged by time"
EXAMPLES = ("procession logs web -f", "procession logs --since 10m --grep Traceback")
LAST_DEFAULT = 100
LAST_DEFAULT_FOLLOWING = 10


def add_arguments(parser: ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a process (web) or an instance (web.2); default: all")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes, until Ctrl-C")
    parser.add_argument(
        "-n", "--lines", metavar="N",
        help=f"the last N lines, or `all` (default: {LAST_DEFAULT}; {LAST_DEFAULT_FOLLOWING} with -f; all with --since"
        " or --until)",
    )  # fmt: skip
    parser.add_argument("--since", metavar="TIME", help="from then on: 10m, 2h, 1d ago, 07:31, 2026-11-21T07:31:00Z")
    parser.add_argument("--until", metavar="TIME", help="up to then")
    parser.add_argument("--grep", metavar="TEXT", default="", help="only lines with this text in them")
    parser.add_argument("--json", action="store_true", help="one object a line: time, instance, text")
    parser.add_argument("--no-times", action="store_true", help="leave the times out")


def run(options: Namespace) -> int:
    """Show the logs; the exit code. Raises Refusal."""
    try:
        wanted = _wanted(options)
        is_wanted = _choice(options)
    except ValueError as error:
        raise Refusal(str(error), code=ExitCode.USAGE) from error
    try:
        return _show(options, wanted, is_wanted)
    except KeyboardInterrupt:
        return ExitCode.DONE  # it is how one ends -f
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Refusal(f"cannot read {error.filename}: {error.strerror}") from error


def _show(options: Namespace, wanted: Wanted, is_wanted: Callable[[str], bool]) -> int:
    from procession.recorder.reading.follow import Follower
    from procession.recorder.reading.logs import read_logs

    paths = {name: path for name, path in log_paths(options.stack_directory).items() if is_wanted(name)}
    parts = {name: parts_of(path, whole_lines=options.follow) for name, path in paths.items()}
    if not paths:
        where = os.path.join(options.stack_directory, "log")
        say(f"no logs yet in {where}: nothing has been started here")
        if not options.follow:
            return ExitCode.NOT_SO
    show = shower(options, list(paths))
    follower = Follower(options.stack_directory, _newest(parts), is_wanted) if options.follow else None
    _show_all(read_logs(parts, wanted), show)
    if follower is not None:
        _show_as_they_come(follower.records(), wanted, show)
    return ExitCode.DONE


def _show_all(records: Iterator[Record], show: Callable[[Record], None]) -> None:
    for record in records:
        show(record)
    sys.stdout.flush()


def _show_as_they_come(records: Iterator[Record], wanted: Wanted, show: Callable[[Record], None]) -> None:
    for record in records:
        if record.time > wanted.until:
            return
        if wanted.has(record):
            show(record)
            sys.stdout.flush()


def _newest(parts: Parts) -> dict[str, Part | None]:
    return {name: own[-1] if own else None for name, own in parts.items()}


def _wanted(options: Namespace) -> Wanted:
    """Raises ValueError for a number or a time that is none."""
    from procession.console.moments import as_stamp, moment
    from procession.recorder.reading.logs import Wanted

    since = as_stamp(moment(options.since)) if options.since else ""
    until = as_stamp(moment(options.until), is_end=True) if options.until else NEVER
    return Wanted(since, until, _last(options), options.grep)


def _last(options: Namespace) -> int | None:
    """Raises ValueError."""
    if options.lines is None:
        if options.since or options.until:
            return None
        return LAST_DEFAULT_FOLLOWING if options.follow else LAST_DEFAULT
    return count_of_lines(options.lines)


def _choice(options: Namespace) -> Callable[[str], bool]:
    """Which instances are wanted. Raises ValueError for a name without a log, unless there are none at all yet."""
    there = list(log_paths(options.stack_directory))
    unknown = [name for name in options.names if not any(_is_of(instance, name) for instance in there)]
    if unknown and there:
        known = sorted({*there, *(name.rpartition(".")[0] or name for name in there)}, key=sort_key)
        raise ValueError(f"no log of {', '.join(map(repr, unknown))}; there are: {', '.join(known)}")
    return lambda instance: not options.names or any(_is_of(instance, name) for name in options.names)


def _is_of(instance: str, name: str) -> bool:
    return instance == name or instance.rpartition(".")[0] == name


def shower(options: Namespace, names: list[str]) -> Callable[[Record], None]:
    """What writes a record to stdout, as --json, --no-times and --no-color want it; `names` are those to be aligned."""
    if options.json:
        return _show_json
    from procession.console.lines import LinePrinter

    is_terminal = sys.stdout.isatty()
    has_color = is_terminal and Ink(sys.stdout, no_color=options.no_color).is_on
    return LinePrinter(
        names, with_times=not getattr(options, "no_times", False), is_terminal=is_terminal, has_color=has_color
    ).show


def _show_json(record: Record) -> None:
    text = record.text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    print(json.dumps({"time": record.time, "instance": record.instance, "text": text}))
