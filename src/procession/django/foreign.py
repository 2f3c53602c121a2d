"""Runs a backend class of django-prodserver's kind: `python -m procession.django.foreign CLASS CONFIGURATION`.

CLASS is a dotted path. CONFIGURATION is JSON, {"ARGS": ..., "APP": ...}: what the stack says. The class may know keys
of its own, which are no part of a stack: they are read from the settings' declaration of this class, if it is there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Protocol

import django
from django.conf import settings
from django.utils.module_loading import import_string


class ForeignBackend(Protocol):
    """The contract of django-prodserver's BaseServerBackend."""

    def prep_server_args(self) -> list[str]: ...

    def start_server(self, *args: str) -> None: ...


def main(path: str, configuration: str) -> None:
    """Set up Django, make the class's object and let it serve until it returns."""
    django.setup()
    said: dict[str, object] = json.loads(configuration)
    sys.argv = [path]  # Some classes append their arguments to it and let the server parse it.
    config = {**_declared(path, said), **said}
    words = config["ARGS"] if isinstance(config["ARGS"], list) else None
    if words is not None:
        config["ARGS"] = {}
    backend: ForeignBackend = import_string(path)(**config)
    backend.start_server(*backend.prep_server_args(), *(words or ()))


def _declared(path: str, said: Mapping[str, object]) -> Mapping[str, object]:
    """The settings' declaration of this class; with several, the one that has the same ARGS."""
    processes: Mapping[str, Mapping[str, object]] = getattr(settings, "PRODUCTION_PROCESSES", {})
    ours = [process for process in processes.values() if process.get("BACKEND") == path]
    same = [process for process in ours if process.get("ARGS", {}) == said["ARGS"]]
    return (same or ours or [{}])[0]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
