"""What a source hands over: the raw mappings as a person wrote them, and where each key was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

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
        return Place(declared=self, root=self.processes_key, path=(name,), where=(name,))

    def common(self) -> Place:
        return Place(declared=self, root=self.stack_key, path=(), where=("stack",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value was written: from here come a Problem's `where` and `origin`."""

    declared: Declared
    root: str
    path: Path
    where: Path

    def at(self, key: str) -> Place:
        return replace(self, path=(*self.path, key), where=(*self.where, key.lower()))

    def named(self, name: str) -> Place:
        """As `at`, for a name of the person's own, whose case means something: a variable, an option, a process."""
        return replace(self, path=(*self.path, name), where=(*self.where, name))

    def written(self, where: str) -> Place:
        """The place of "readiness.path" below this one, its keys spelt as the person did where they wrote them."""
        place, raw = self, self._raw()
        for word in where.split("."):
            keys = raw if isinstance(raw, Mapping) else {}
            key = next((key for key in keys if _folded(str(key)) == _folded(word)), None)
            place, raw = place.at(word if key is None else str(key)), None if key is None else keys[key]
        return place

    def origin(self) -> Origin:
        declared = self.declared
        return Origin(declared.source, declared.file, self._line(), self._key())

    def problem(self, id: str, what: str, fix: str = "") -> Problem:
        return Problem(id=id, where=".".join(self.where), what=what, origin=self.origin().text(), fix=fix)

    def _raw(self) -> object:
        raw: object = self.declared.processes if self.path else self.declared.stack
        for key in self.path:
            raw = raw.get(key) if isinstance(raw, Mapping) else None
        return raw

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
