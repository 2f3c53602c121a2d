"""Where a site's declaration is: from a folder upwards, the first that has one; in it, the first kind that is there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum

from procession.errors import Problem

TOML = "procession.toml"
PYPROJECT = "pyproject.toml"


class SourceKind(StrEnum):
    SETTINGS = "settings"
    TOML = "toml"
    PROCFILE = "procfile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A declaration's place. `file` is manage.py for settings: which module they are is known once it has run.

    `manage` is the manage.py beside it ("" without): then the site's own Python has to be asked for the facts of the
    site, which is what `python -m procession.django.describe` does, for every kind of source.
    """

    kind: SourceKind
    file: str
    directory: str
    manage: str = ""
    development: bool = False


def discover(start: str, option: str = "", *, development: bool = False) -> Found | Problem:
    """What declares the site of the directory `start`, or what `option` names, a file or a directory.

    Gives a Problem that says where it has looked if nothing does.
    """
    path = os.path.join(start, option) if option else start
    if option and not os.path.exists(path):
        return Problem(
            "E031", option, "there is no such file or directory", fix="name a procession.toml, manage.py or Procfile"
        )
    if option and not os.path.isdir(path):
        return _named(os.path.abspath(path), development=development)
    for directory in _upwards(os.path.abspath(path)):
        if found := look(directory, development=development):
            return found
        if option:
            break
    return _nothing(os.path.abspath(path), upwards=not option)


def look(directory: str, *, development: bool = False) -> Found | None:
    """What declares a site in this very directory."""
    for kind, name in candidates(development=development):
        path = os.path.join(directory, name)
        if os.path.isfile(path) and (name != PYPROJECT or _has_table(path)):
            return _found(kind, path, development=development)
    return None


def _has_table(path: str) -> bool:
    from procession.sources.toml import has_table  # here, because it takes its time, and every verb comes this way

    return has_table(path)


def candidates(*, development: bool) -> tuple[tuple[SourceKind, str], ...]:
    """Kind and file name, what wins first. A Procfile beside manage.py counts if the settings declare nothing."""
    return (
        (SourceKind.TOML, TOML),
        (SourceKind.TOML, PYPROJECT),
        (SourceKind.SETTINGS, "manage.py"),
        (SourceKind.PROCFILE, procfile_name(development=development)),
    )


def procfile_name(*, development: bool) -> str:
    return "Procfile.dev" if development else "Procfile"


def _named(path: str, *, development: bool) -> Found | Problem:
    name = os.path.basename(path)
    if name == "manage.py":
        return _found(SourceKind.SETTINGS, path, development=development)
    if name.endswith(".toml"):
        return _found(SourceKind.TOML, path, development=development)
    if "procfile" in name.lower():
        return _found(SourceKind.PROCFILE, path, development=development)
    return Problem(
        "E031", path, "is no declaration that we can read", fix="name a procession.toml, manage.py or Procfile"
    )


def _found(kind: SourceKind, path: str, *, development: bool) -> Found:
    directory = os.path.dirname(path)
    manage = os.path.join(directory, "manage.py")
    return Found(
        kind=kind,
        file=path,
        directory=directory,
        manage=manage if os.path.isfile(manage) else "",
        development=development,
    )


def _upwards(directory: str) -> list[str]:
    found = [directory]
    while (parent := os.path.dirname(found[-1])) != found[-1]:
        found.append(parent)
    return found


def _nothing(directory: str, *, upwards: bool) -> Problem:
    looked = "procession.toml, [tool.procession] in pyproject.toml, manage.py or Procfile"
    folders = f"{directory} and the folders above it" if upwards else directory
    inside = [name for name in _subdirectories(directory) if look(os.path.join(directory, name))]
    fix = (
        f"there is one in {inside[0]}/: go there"
        if inside
        else "go to the site's folder, or write one: procession init"
    )
    return Problem("E031", "site", f"nothing declares it: found no {looked} in {folders}", fix=fix)


def _subdirectories(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return []
