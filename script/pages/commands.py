"""The reference page of the commands, from the verbs' own parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from procession.console import main, project

HEAD = """\
# Commands

<!-- Written by script/reference.py from the verbs in procession.console: change those, and run it. -->

`procession VERB ...`, and the same verbs as `manage.py procession VERB ...` and `python -m procession VERB ...`. Data
goes to stdout, everything else to stderr. The [exit codes](exit-codes.md) are those of every verb. `procession help
VERB` shows what is below.

Names are those of processes (`web`) or instances (`web.2`). Times are `90s`, `5m`, `1.5h`.
"""
SIGNALS = """\
## Signals and files

Ctrl-C (SIGINT) and SIGTERM end a verb; what it had asked for goes on. `up` without `-d`, where it started the
supervisor, stops everything in order at the first, and kills what is left at the second; so does the supervisor itself.

All files are in the [stack directory](files.md). What instances and verbs find in their environment is on [a page of
its own](environment.md).
"""


def commands_page() -> str:
    """The whole page, in Markdown."""
    common = argparse.ArgumentParser(add_help=False)
    project.add_arguments(common)
    parts = [HEAD, "## Options of every command", table(common, set())]
    known = {action.dest for action in common._actions}
    for title, names in main.VERBS.items():
        parts.append(f"## {title}")
        parts += [part for name in names for part in verb_parts(name, known)]
    return "\n\n".join(part.strip() for part in [*parts, SIGNALS]) + "\n"


def verb_parts(name: str, known: set[str]) -> Iterator[str]:
    """Heading, what it does, examples, options, details."""
    verb = main.load(name)
    parser = main.parser_of(verb, name, "procession")
    yield f"### {name}"
    yield f"{verb.SUMMARY}."
    if examples := getattr(verb, "EXAMPLES", ()):
        yield "\n".join(["```console", *(f"$ {example}" for example in examples), "```"])
    if rows := table(parser, known):
        yield rows
    if details := getattr(verb, "DETAILS", ""):
        yield f"```text\n{details}\n```" if "  " in details else details


def table(parser: argparse.ArgumentParser, known: set[str]) -> str:
    """A row for each argument that is not among the `known` ones; empty when there is none."""
    rows = [
        f"| {names_of(action)} | {(action.help or '').replace('|', '&#124;')} |"
        for action in parser._actions
        if action.dest not in known | {"help"} and action.help != argparse.SUPPRESS
    ]
    return "\n".join(["| option | |", "|---|---|", *rows]) if rows else ""


def names_of(action: argparse.Action) -> str:
    value = str(action.metavar or action.dest.upper()) if action.nargs != 0 else ""
    if not action.option_strings:
        return f"`{value}`"
    takes_value = value and not isinstance(action, argparse.BooleanOptionalAction)
    return ", ".join(f"`{name} {value}`" if takes_value else f"`{name}`" for name in action.option_strings)
