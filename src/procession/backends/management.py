"""Task runners that are a management command of an installed Django app: `manage.py qcluster` of django_q."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module

from procession.backends.arguments import Args, check, to_flags
from procession.backends.base import Command
from procession.backends.manage import manage_py
from procession.backends.option import Option
from procession.backends.tables import from_argparse
from procession.backends.worker import site_environment
from procession.errors import Problem
from procession.stack.model import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagementCommand:
    """A management command that runs tasks: its words ("procrastinate", "worker") and the Django app that brings it.

    `ready` says how its readiness is told (a key of procession.django.ready.HOOKS). `known` are options that its parser
    does not describe well enough (a list that it wants with commas), or that must be known where it cannot be asked.
    """

    words: tuple[str, ...]
    app: str
    ready: str
    known: tuple[Option, ...] = ()

    def options(self) -> tuple[Option, ...]:
        """What the installed command accepts, Django's own options included; empty where it cannot be asked."""
        asked = ask(self.app, self.words)
        return self.known + tuple(option for option in asked if not _is_in(option, self.known)) if asked else ()

    def flags(self, args: Args) -> tuple[str, ...]:
        """ARGS as this command wants them."""
        return to_flags(args, self.options() or self.known)

    def problems(self, args: Args, site: Site) -> tuple[Problem, ...]:
        """What is wrong with ARGS, and whether the command is there at all."""
        return check(args, self.options()) + _not_installed(self.app, self.words[0], site)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a backend made of ARGS: the flags, more environment, problems, and the stop timeout that they ask for."""

    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    stop_timeout_seconds: float | None = None


def command(program: ManagementCommand, site: Site, line: Line) -> Command:
    """`python manage.py qcluster ...` in the site's interpreter."""
    return Command(
        argv=(*manage_py(site), *program.words, *line.flags),
        environment={**site_environment(site, program.ready), **line.environment},
        problems=line.problems,
        stop_timeout_seconds=line.stop_timeout_seconds,
    )


def ask(app: str, words: Sequence[str]) -> tuple[Option, ...]:
    """The options of an installed command, read from its own parser.

    Only where Django is set up (manage.py, the child that describes a site): most commands import models. Empty
    elsewhere, and if the command cannot be imported: it is other people's code, and what is wrong with it is the
    command's to say when it runs.
    """
    if not _is_django_ready():
        return ()
    try:
        module = import_module(f"{app}.management.commands.{words[0]}")
        parser = module.Command().create_parser("manage.py", words[0])
    except Exception:  # noqa: BLE001 - the border to a third party's module
        return ()
    return from_argparse(_subparser(parser, words[1:]))


def _is_django_ready() -> bool:
    """Django is asked for only if it is already there: Procession itself runs without."""
    module = sys.modules.get("django.apps")
    return bool(module and module.apps.ready)


def _subparser(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of a subcommand, whose options stand behind it. argparse has no public way to ask for it."""
    for word in words:
        action = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        parser = action.choices[word]
    return parser


def _is_in(option: Option, known: Sequence[Option]) -> bool:
    return any(set(option.names) & set(other.names) for other in known)


def _not_installed(app: str, name: str, site: Site) -> tuple[Problem, ...]:
    """A warning only: a site's own AppConfig may bring the app under a name that we do not know."""
    if not site.installed_apps or any(f"{entry}.".startswith(f"{app}.") for entry in site.installed_apps):
        return ()
    what = f'"{app}" is not in INSTALLED_APPS, which manage.py {name} comes from'
    return (Problem("W064", "backend", what, fix=f'add "{app}" to INSTALLED_APPS'),)
