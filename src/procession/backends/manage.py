"""Any management command of the site: `python manage.py migrate --noinput`."""

from __future__ import annotations

import os.path

from procession.backends.arguments import check, to_flags
from procession.backends.base import Backend, Command, Profile
from procession.errors import Problem
from procession.stack.model import Declaration, Kind, Probe, ProbeType, Site

TASKS = frozenset(
    {
        "check",
        "clearsessions",
        "collectstatic",
        "compilemessages",
        "compress",
        "createcachetable",
        "createsuperuser",
        "dumpdata",
        "flush",
        "loaddata",
        "migrate",
        "rebuild_index",
        "sqlflush",
        "test",
        "update_index",
    }
)
"""Commands that run to their end; any other is taken for one that runs on, unless TYPE says "task"."""


ALONE = frozenset({"migrate"})
"""Tasks of which two at once, on one database, undo each other."""


def profile(command: Command) -> Profile:
    """A command that does not catch TERM dies of it: that is a good end for one that runs on, and none for a task."""
    name = _name(command.argv)
    if name in TASKS:
        return Profile(kind=Kind.TASK, readiness=Probe(type=ProbeType.NONE), singleton=name in ALONE)
    return Profile(success=(0, -15), readiness=command.readiness or Probe(type=ProbeType.NONE))


def build(declaration: Declaration, site: Site, _stop_timeout_seconds: float) -> Command:
    """COMMAND is the command and its words, ARGS its options. (ARGS as a string or list may hold the command, too.)"""
    words = (*(declaration.command or ()), *to_flags(declaration.args))
    return Command(
        argv=(*manage_py(site), *words),
        environment=site.environment(),
        problems=check(declaration.args) + _missing(words),
    )


def manage_py(site: Site) -> tuple[str, ...]:
    """manage.py by its whole path: DIRECTORY may lead elsewhere. Without one, django's own entry."""
    script = os.path.join(site.directory, "manage.py")
    return (site.python, script) if os.path.exists(script) else (site.python, "-m", "django")


def _name(argv: tuple[str, ...]) -> str:
    """The command's name: the first word after manage.py, or after -m django."""
    at = 3 if argv[1:3] == ("-m", "django") else 2
    return argv[at] if len(argv) > at else ""


def _missing(words: tuple[str, ...]) -> tuple[Problem, ...]:
    if words and not words[0].startswith("-"):
        return ()
    return (
        Problem("E048", "command", "there is no management command to run", fix='write COMMAND: "migrate --noinput"'),
    )


BACKEND = Backend(
    name="manage",
    title="management command",
    requires="django",
    module="django",
    build=build,
    profile=profile,
)
