"""BACKEND as a class that somebody wrote for django-prodserver: it has `start_server` and `prep_server_args`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from procession.backends.base import Backend, Command, Profile
from procession.stack.codec import field_types
from procession.stack.declare import Said
from procession.stack.model import Common, Declaration, Probe, ProbeType, Site, settings_key

PROGRAM = "procession.django.foreign"  # started by name: it imports Django, which nothing here may
PASSED_ON = frozenset({"APP", "ARGS"})
OURS = frozenset(settings_key(name) for kind in (Declaration, Common) for name in field_types(kind)) - PASSED_ON


def foreign(said: Said) -> Backend | None:
    """A Backend that runs the class in a process of its own; None if BACKEND names no such class.

    Raises what its module raises while it is imported. It binds by itself, so readiness is not known unless it is said.
    """
    dotted = said.declaration.backend or ""
    module, _, name = dotted.rpartition(".")
    found = getattr(_imported(module), name, None)
    if not callable(getattr(found, "start_server", None)) or not callable(getattr(found, "prep_server_args", None)):
        return None
    config = json.dumps(_config(said), default=str)

    def build(_: Declaration, site: Site, __: float) -> Command:
        return Command(argv=(site.python, "-m", PROGRAM, dotted, config))

    return Backend(name=dotted, title=name, requires="", module="", build=build, profile=_profile)


def _imported(module: str) -> ModuleType | None:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name and f"{module}.".startswith(f"{error.name}."):
            return None  # There is no such module; any other that is missing is one that it imports.
        raise


def _profile(_: Command) -> Profile:
    return Profile(readiness=Probe(type=ProbeType.NONE))


def _config(said: Said) -> dict[str, object]:
    """APP, ARGS and the keys that are not ours, as they were written: what the constructor expects."""
    raw = said.place.raw
    return (
        {str(key): value for key, value in raw.items() if str(key).upper() not in OURS}
        if isinstance(raw, Mapping)
        else {}
    )
