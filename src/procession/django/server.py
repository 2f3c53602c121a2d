"""What `prodserver` and `devserver` share: their arguments, the list, and running the one that was named."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from django.core.management.base import CommandError, OutputWrapper
from django.core.management.color import Style

from procession.django.foreground import become
from procession.django.pick import Row, Wrong, pick, project_directory, rows
from procession.django.reading import read_site
from procession.django.site import site_facts
from procession.refusal import ExitCode, Refusal
from procession.stack.declared import Declared


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="the process to run; the first declared if not said")
    parser.add_argument("arguments", nargs="*", help="after `--`: arguments for its program, which win over ARGS")
    parser.add_argument("--list", action="store_true", help="show what is declared, and run nothing")
    parser.add_argument("--skip-checks", action="store_true", help=argparse.SUPPRESS)  # There are none to skip.


def declared_here(*, development: bool) -> Declared:
    """What the project of the manage.py that runs us declares."""
    return read_site(project_directory(), development=development)


def run(declared: Declared, name: str | None, arguments: Sequence[str]) -> None:
    """Become the process of that name. Comes back only as a CommandError."""
    site = site_facts(project_directory())
    if name and name.startswith("-"):  # `prodserver -- --workers 4`: no process is called so
        name, arguments = "", [name, *arguments]
    try:
        become(pick(declared, site, name, arguments))
    except Wrong as wrong:
        raise CommandError(str(wrong), returncode=ExitCode.NOT_SO) from wrong
    except Refusal as refusal:
        text = f"{refusal.what}\n    {refusal.fix}" if refusal.fix else refusal.what
        raise CommandError(text, returncode=refusal.code) from refusal


def show(declared: Declared, stdout: OutputWrapper, style: Style) -> None:
    """A table: name, backend, command, replicas."""
    table = rows(declared, site_facts(project_directory()))
    lines = [Row("NAME", "BACKEND", "COMMAND", "REPLICAS"), *table]
    for index, row in enumerate(lines):
        text = f"{row.name:<{_width(lines, 'name')}}  {row.backend:<{_width(lines, 'backend')}}  "
        text += f"{row.replicas:<8}  {row.command}"
        stdout.write(style.MIGRATE_LABEL(text) if index == 0 else text)


def _width(lines: Sequence[Row], column: str) -> int:
    return max(len(getattr(row, column)) for row in lines)
