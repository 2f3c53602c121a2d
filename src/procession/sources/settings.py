"""PRODUCTION_PROCESSES and PRODUCTION_STACK of Django settings, as plain objects: Django itself is not needed here."""

from __future__ import annotations

from collections.abc import Mapping

from procession.errors import Problem
from procession.stack.declared import Declared
from procession.stack.model import Origin
from procession.stack.values import show

PROCESSES = "PRODUCTION_PROCESSES"
DEVELOPMENT = "DEVELOPMENT_PROCESSES"
STACK = "PRODUCTION_STACK"


def read_settings(processes: object, stack: object, module: str, *, development: bool = False) -> Declared:
    """The declaration in the values of the two settings; None is one that is not there. `module` is the settings'."""
    key = DEVELOPMENT if development else PROCESSES
    problems = [*_not_mapping(key, processes, module), *_not_mapping(STACK, stack, module)]
    return Declared(
        source="settings",
        file=module,
        processes=processes if isinstance(processes, Mapping) else {},
        stack=stack if isinstance(stack, Mapping) else {},
        processes_key=key,
        stack_key=STACK,
        problems=tuple(problems),
    )


def _not_mapping(key: str, value: object, module: str) -> list[Problem]:
    if value is None or isinstance(value, Mapping):
        return []
    origin = Origin("settings", module, key=key).text()
    return [
        Problem("E002", key, f"must be a mapping, got {show(value)}", origin, 'write: {"web": {"BACKEND": "gunicorn"}}')
    ]
