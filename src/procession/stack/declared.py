"""What a source hands over: the raw mappings as a person wrote them, and where each key was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from procession.errors import Problem
from procession.stack.model import Origin

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One source's declaration, read but not yet looked at.

    `processes` is name -> mapping, `stack` the mapping of what is common to all; their keys are as written, in any
    case. `lines` has the line of a key by its path from `processes_key` or `stack_key` on: ("processes", "web"): 12.
    `problems` are those met while reading; with an error among them the mappings may be empty.
    """

    source: str  # "settings", "toml" or "procfile"
    file: str  # path, or dotted module name of settings
    processes: Mapping[str, object] = field(default_factory=dict)
    stack: Mapping[str, object] = field(default_factory=dict)
    processes_key: str = ""
    stack_key: str = ""
    lines: Mapping[Path, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def process(self, name: str) -> Place:
        raw = self.processes.get(name)
        return Place(declared=self, root=self.processes_key, path=(name,), where=(name,), raw=raw)

    def common(self) -> Place:
        return Place(declared=self, root=self.stack_key, path=(), where=("stack",), raw=self.stack)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value was written: from here come a Problem's `where` and `origin`. `raw` is the value; None: nothing."""

    declared: Declared
    root: str
    path: Path
    where: Path
    raw: object

    def at(self, key: str) -> Place:
        """The place under one of Procession's own keys."""
        return self._under(key, key.lower())

    def named(self, name: str) -> Place:
        """The place under a name of the person's own, whose case means something: a variable, an option, a process."""
        return self._under(name, name)

    def written(self, where: str) -> Place:
        """The place of "readiness.path" below this one, its keys spelt as the person did where they wrote them."""
        place = self
        for word in where.split("."):
            keys = place.raw if isinstance(place.raw, Mapping) else {}
            key = next((str(key) for key in keys if _folded(str(key)) == _folded(word)), word)
            place = place.at(key)
        return place

    def origin(self) -> Origin:
        declared = self.declared
        return Origin(declared.source, declared.file, self._line(), self._key())

    def problem(self, id: str, what: str, fix: str = "") -> Problem:
        return Problem(id=id, where=".".join(self.where), what=what, origin=self.origin().text(), fix=fix)

    def _under(self, key: str, shown: str) -> Place:
        raw = self.raw.get(key) if isinstance(self.raw, Mapping) else None
        # Not `replace`, which takes thrice the time: a large site has some thousand places.
        path, where = (*self.path, key), (*self.where, shown)
        return Place(declared=self.declared, root=self.root, path=path, where=where, raw=raw)

    def _key(self) -> str:
        if self.declared.source == "settings":
            return self.root + "".join(f'["{key}"]' for key in self.path)
        return ".".join(part for part in (self.root, *self.path) if part)

    def _line(self) -> int:
        """The line of the key, or of the nearest one around it (an inline table has one line for all its keys)."""
        path = (self.root, *self.path) if self.root else self.path
        while path and path not in self.declared.lines:
            path = path[:-1]
        return self.declared.lines.get(path, 0)


def _folded(key: str) -> str:
    return key.upper().replace("-", "_")
