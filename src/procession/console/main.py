"""The command `procession`: finds the verb, reads its options, runs it; what goes wrong becomes words and an exit code.

A verb is a file beside this one: SUMMARY, add_arguments(parser), run(options); see `Verb`. Only the file of the verb
that was asked for is imported, so `procession status` waits for its own imports alone.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from procession.console import project, text
from procession.refusal import ExitCode, Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, Protocol

    class Verb(Protocol):
        """What the file of a verb holds; DETAILS and EXAMPLES, too, where there is more to say."""

        SUMMARY: str

        def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

        def run(self, options: argparse.Namespace) -> int: ...


VERBS = {
    "Develop it": ("dev",),
    "Run the site": ("up", "down", "start", "stop", "restart", "roll", "reload", "scale", "signal", "update", "run"),
    "See what it does": (
        *("status", "top", "logs", "events", "dashboard", "attach"),
        *("health", "metrics", "doctor", "analyze", "alert"),
    ),
    "Declare it": ("init", "check", "render", "apply"),
    "Be there": ("supervise", "upgrade", "lease", "completion", "help"),
}
ENGINE_VERBS = frozenset({"status", "logs", "events", "start", "stop", "restart", "roll", "scale", "down"})
"""Those that another engine does by its own tool, after `procession apply`."""
OWN_VERBS = frozenset({"up", "update", "reload", "signal", "attach", "upgrade"})
"""Those that only our own supervisor does."""
HELP_COLUMNS_MAX = 118
INTERRUPTED = 130  # what a shell shows for death by SIGINT


def command() -> NoReturn:
    """The console script. It ends at once: the interpreter's tidying up takes 3 ms, of the 40 that status may take."""
    code = main()
    sys.stdout.flush()
    os._exit(code)


def main(argv: Sequence[str] | None = None, *, prog: str = "procession", settings: str = "") -> int:
    """Run one command line; gives the exit code. Argparse's SystemExit (2, or 0 after --help) passes through."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = run_verb(arguments, prog, settings)
        sys.stdout.flush()
    except Refusal as refusal:
        return _end(refusal, no_color="--no-color" in arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter complains while it flushes stdout at its end
        return ExitCode.DONE  # it has read what it wanted, as `head` does
    except OSError as error:  # a file that is somebody else's, a disk that fails: no mistake of ours to trace back
        return _end(_refused(f"{prog} {split(arguments)[1]}", error), no_color="--no-color" in arguments)
    return code


def run_verb(arguments: list[str], prog: str, settings: str) -> int:
    """Run the verb that `arguments` name, or show the overview where they name none."""
    before, name, after = split(arguments)
    if "--version" in before:
        return _show_version()
    if not name:
        name, before = "help", [option for option in before if option not in ("-h", "--help")]
    if name not in verbs():
        raise Refusal(unknown(name, prog), code=ExitCode.USAGE)
    verb = load(name)
    options = parse(verb, name, before + after, prog)
    options.settings = options.settings or settings
    project.resolve(options, name)
    if name in ENGINE_VERBS:
        return _by_engine(name, options) if project.has_engine(options) else _by_supervisor(name, options)
    if name in OWN_VERBS and project.is_elsewhere(options):
        from procession.console import engine

        raise engine.not_ours(name, options)
    return verb.run(options)


def _by_engine(name: str, options: argparse.Namespace) -> int:
    from procession.console import engine  # here, because our own supervisor needs none of it

    applied = engine.chosen(options)
    if applied is None or engine.is_for_supervisor(name, applied, options):
        return _by_supervisor(name, options)
    return engine.perform(name, applied, options)


def _by_supervisor(name: str, options: argparse.Namespace) -> int:
    if options.dry_run:
        raise Refusal(
            f"`{name}` is one word to our own supervisor: there are no commands to print", code=ExitCode.USAGE
        )
    return load(name).run(options)


def split(arguments: list[str]) -> tuple[list[str], str, list[str]]:
    """The options before the verb, the verb ("" if there is none), and what follows it."""
    index = 0
    while index < len(arguments) and arguments[index].startswith("-"):
        index += 2 if arguments[index] in project.OPTIONS_WITH_VALUE else 1
    name = arguments[index] if index < len(arguments) else ""
    return arguments[:index], name, arguments[index + 1 :]


def verbs() -> tuple[str, ...]:
    return tuple(name for group in VERBS.values() for name in group)


def unknown(name: str, prog: str) -> str:
    return f"there is no verb {name!r}" + (text.suggestion(name, verbs()) or f"; {prog} help lists them")


def parse(verb: Verb, name: str, arguments: list[str], prog: str) -> argparse.Namespace:
    """The options of one verb, the common ones included. Exits with 2 for wrong usage, as argparse does."""
    options = parser_of(verb, name, prog).parse_args(arguments)
    options.prog = prog
    return options


def parser_of(verb: Verb, name: str, prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{prog} {name}",
        description=verb.SUMMARY,
        epilog=_epilog(verb),
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    verb.add_arguments(parser)
    if name in ENGINE_VERBS:
        project.add_engine_arguments(parser)
    project.add_arguments(parser)
    return parser


def load(name: str) -> Verb:
    verb: Verb = importlib.import_module(f"procession.console.{name}")
    return verb


def _epilog(verb: Verb) -> str:
    shown = [f"  {example}" for example in getattr(verb, "EXAMPLES", ())]
    examples = "\n".join(["examples:", *shown] if shown else [])
    return "\n\n".join(part.strip("\n") for part in (getattr(verb, "DETAILS", ""), examples) if part)


def _formatter(prog: str) -> argparse.HelpFormatter:
    """With a width: without one, argparse imports shutil to ask for it, whether it prints anything or not."""
    width = min(text.columns(sys.stdout), HELP_COLUMNS_MAX)
    return argparse.RawDescriptionHelpFormatter(prog, width=width, max_help_position=30)


def _show_version() -> int:
    from procession import __version__

    print(f"procession {__version__}")
    return ExitCode.DONE


def _refused(verb: str, error: OSError) -> Refusal:
    where = f"{error.filename}: " if error.filename else ""
    fix = "run this as the user whose it is" if isinstance(error, PermissionError) else ""
    return Refusal(f"{verb}: {where}{error.strerror or error}", fix)


def _end(refusal: Refusal, *, no_color: bool) -> int:
    for line in text.error_lines(refusal.what, refusal.fix, text.Ink(sys.stderr, no_color=no_color)):
        text.say(line)
    return refusal.code


if __name__ == "__main__":
    sys.exit(main())
