"""From what changed to what is done about it. Decides only: no file is read here."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pathspec import GitIgnoreSpec

from procession.stack.model import Kind, Process, Stack

DECLARATIONS = frozenset({"procession.toml", "pyproject.toml", "Procfile", "Procfile.dev", "manage.py", ".env"})
READS_TEMPLATES_ANEW = {"runserver": "HUP"}  # backend -> on which signal; see procession.django.runserver
NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch of changes asks for. `signals` is signal -> the processes that it will do for."""

    redeclare: bool
    restarts: tuple[str, ...]
    signals: Mapping[str, tuple[str, ...]]

    def __bool__(self) -> bool:
        return self.redeclare or bool(self.restarts) or bool(self.signals)

    def text(self) -> str:
        """`web, worker restart`"""
        parts = ["the declaration is read again"] if self.redeclare else []
        parts += [f"{', '.join(self.restarts)} {_verb(self.restarts, 'restart')}"] if self.restarts else []
        for names in self.signals.values():
            parts.append(f"{', '.join(names)} {_verb(names, 'read')} templates anew")
        return "; ".join(parts)


def plan(paths: Collection[str], stack: Stack, *, settings: Collection[str] = ()) -> Plan:
    """`paths` are absolute. `settings` are the files, or folders (with a / at the end), that the settings are in."""
    redeclare = any(_declares(path, stack.directory, settings) for path in paths)
    everything = any(path == os.path.join(stack.directory, ".env") for path in paths)
    restarts: list[str] = []
    signals: dict[str, list[str]] = {}
    for process in stack.processes:
        mine = [path for path in paths if path in process.env_files or _is_of(path, process, stack.directory)]
        if process.kind is Kind.TASK or not (mine or (everything and process.watch)):
            continue
        if mine and not everything and _reads_anew(process, mine):
            signals.setdefault(READS_TEMPLATES_ANEW[process.backend], []).append(process.name)
        else:
            restarts.append(process.name)
    return Plan(redeclare, tuple(restarts), {signal: tuple(names) for signal, names in signals.items()})


def settings_files(module: str, directory: str) -> tuple[str, ...]:
    """Where the settings are: the module's file, or its whole package where it is one of several in a folder.

    mysite.settings: mysite/settings.py; mysite.settings.local: everything in mysite/settings/.
    """
    if not module:
        return ()
    *packages, name = module.split(".")
    file = os.path.join(directory, *packages, f"{name}.py")
    folders = [os.path.join(directory, *packages, name, "")]
    if len(packages) > 1:
        folders.append(os.path.join(directory, *packages, ""))
    return (file, *folders)


def names_of(paths: Iterable[str], directory: str) -> str:
    """`2 files changed (feeds/views.py, feeds/urls.py)`"""
    names = sorted(os.path.relpath(path, directory) for path in paths)
    shown = [*names[:NAMES_SHOWN], *(["..."] if len(names) > NAMES_SHOWN else [])]
    return f"{len(names)} {'file' if len(names) == 1 else 'files'} changed ({', '.join(shown)})"


def _declares(path: str, directory: str, settings: Collection[str]) -> bool:
    folder, name = os.path.split(path)
    if folder == directory and name in DECLARATIONS:
        return True
    return any(path == one or (one.endswith("/") and path.startswith(one) and path.endswith(".py")) for one in settings)


def _is_of(path: str, process: Process, directory: str) -> bool:
    below = os.path.relpath(path, directory)
    return not below.startswith("..") and GitIgnoreSpec.from_lines(process.watch).match_file(below)


def _reads_anew(process: Process, paths: Iterable[str]) -> bool:
    """Whether a signal will do: nothing but templates has changed."""
    is_able = process.backend in READS_TEMPLATES_ANEW and bool(process.handoff)
    return is_able and not any(path.endswith((".py", ".mo")) or path in process.env_files for path in paths)


def _verb(names: Collection[str], verb: str) -> str:
    return f"{verb}s" if len(names) == 1 else verb
