"""A backend class written for django-prodserver, run as it is: in a process of its own, by its own `start_server`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.machinery import PathFinder
from importlib.util import find_spec

from procession.backends.base import Backend, Command, Profile
from procession.errors import Problem
from procession.stack.model import Declaration, Probe, ProbeType, Site

UPSTREAM = "django_prodserver"


def find(path: str) -> Backend | None:
    """The backend for a dotted path to a class; None for what is no such path.

    A path into django-prodserver that we do not know is one of theirs only if theirs is installed: else it is a slip.
    """
    module, _, name = path.rpartition(".")
    if not module or not all(part.isidentifier() for part in path.split(".")):
        return None
    if module.split(".")[0] == UPSTREAM and not find_spec(UPSTREAM):
        return None
    return Backend(name=path, title=name, requires="", module="", build=partial(_build, path), profile=_profile)


def _profile(command: Command) -> Profile:
    """Nothing is known of it but that TERM ends most programs, and kills those that do not catch it."""
    return Profile(success=(0, -15), readiness=command.readiness or Probe(type=ProbeType.NONE))


def _build(path: str, declaration: Declaration, site: Site, _stop_timeout_seconds: float) -> Command:
    """The class is imported in the site's process alone; its configuration goes along as JSON (see django.foreign)."""
    missing = _missing_module(path.split(".")[:-1], [site.directory, *sys.path])
    unknown = Problem(
        "E050", "backend", f"there is no module {missing!r} for {path!r}", fix="correct it, or install it"
    )
    return Command(
        argv=(site.python, "-m", "procession.django.foreign", path, _configuration(declaration)),
        environment={"DJANGO_SETTINGS_MODULE": site.settings_module} if site.settings_module else {},
        problems=(unknown,) if missing else (),
        readiness=Probe(type=ProbeType.APP) if site.has_app else None,
    )


def _missing_module(names: list[str], path: Sequence[str] | None) -> str:
    """The dotted name of the first module that is nowhere, "" if all are there. Imports none: it is the site's code."""
    for length in range(1, len(names) + 1):
        dotted = ".".join(names[:length])
        spec = PathFinder.find_spec(dotted, path) or (find_spec(dotted) if length == 1 else None)
        if spec is None:
            return dotted
        path = spec.submodule_search_locations
        if path is None:
            return ""  # a class within a class, or whatever the last module makes of it
    return ""


def _configuration(declaration: Declaration) -> str:
    args = declaration.args
    said = {"ARGS": dict(args) if isinstance(args, Mapping) else list(args), "APP": declaration.app}
    return json.dumps({key: value for key, value in said.items() if value is not None}, default=str)
