"""What a gunicorn configuration file says, without running it.

Our flags win over the file, so we must not say what its author has said there: gunicorn.conf.py is read by default.
Only plain assignments can be read (`bind = "unix:/run/web.sock"`); of a computed setting we know that it is there.
"""

from __future__ import annotations

import ast
import os.path
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

DEFAULT = "gunicorn.conf.py"


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """`said` are the settings with a plain value; `computed` those with another; `is_opaque`: there may be any."""

    said: Mapping[str, object] = field(default_factory=dict)
    computed: frozenset[str] = frozenset()
    is_opaque: bool = False

    def may_say(self, name: str) -> bool:
        return self.is_opaque or name in self.computed or name in self.said

    def may_be_on(self, name: str) -> bool:
        return bool(self.said.get(name, self.may_say(name)))

    def texts(self, name: str) -> tuple[str, ...]:
        """A plain value as text, or those of a list; () if there is none."""
        value = self.said.get(name)
        if isinstance(value, list | tuple):
            return tuple(str(item) for item in value)
        return () if value is None else (str(value),)


def read_config(name: str, directory: str) -> ConfigFile:
    """The file that --config names ("" is gunicorn.conf.py, if it is there), from the working directory."""
    if name.startswith("python:"):
        return ConfigFile(is_opaque=True)
    path = os.path.join(directory, name.removeprefix("file:") or DEFAULT)
    try:
        with open(path, "rb") as file:
            return _assignments(ast.parse(file.read()))
    except FileNotFoundError:
        return ConfigFile()  # gunicorn itself complains of a file that was named.
    except (OSError, SyntaxError, ValueError):
        return ConfigFile(is_opaque=True)


def _assignments(tree: ast.Module) -> ConfigFile:
    said = {
        target.id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and _is_plain(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    names = list(_names(tree))
    computed = frozenset(name for name in names if name not in said or names.count(name) > 1)
    return ConfigFile({name: said[name] for name in said if name not in computed}, computed, "*" in names)


def _names(tree: ast.Module) -> Iterator[str]:
    """Every name that the file gives a value to, wherever in it; "*" if it imports whatever there is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)


def _is_plain(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return False
    return True
