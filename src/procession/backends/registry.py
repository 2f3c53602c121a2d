"""Finding a backend by the name in BACKEND: short, an old dotted path, a third party's, or a foreign class.

A backend is any module of this package with a `BACKEND` or `BACKENDS` in it: to add one is to add one file. Third
parties name theirs in the entry point group `procession.backends`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import procession.backends as package
from procession.backends import foreign
from procession.backends.base import Backend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "procession.backends"


def find(name: str) -> Backend | None:
    """The backend of that short name, alias or class. Raises what a third party's module raises as it is imported."""
    short = name.strip()
    return _guess(short) or _ours().get(short) or _theirs(short) or foreign.find(short)


def names() -> tuple[str, ...]:
    """The short names that BACKEND may say, sorted."""
    ours = {backend.name for backend in _ours().values()}
    return tuple(sorted(ours | {point.name for point in _entry_points()}))


def suggestion(name: str) -> str:
    """The short name that comes nearest to a wrong one ("gunicron", "x.GunicornServr"), or ""."""
    known = {alias: backend.name for alias, backend in _ours().items()} | {short: short for short in names()}
    near = difflib.get_close_matches(name.lower(), {key.lower() for key in known}, n=1)
    return next((short for key, short in known.items() if near and key.lower() == near[0]), "")


def _guess(short: str) -> Backend | None:
    """The module is usually called as the backend is, so that the others need not be imported."""
    module = short.replace("-", "_")
    if module not in _modules():
        return None
    return next((backend for backend in _backends(module) if short in (backend.name, *backend.aliases)), None)


@cache
def _ours() -> dict[str, Backend]:
    """Every backend of this package under each of its names."""
    every = [backend for module in _modules() for backend in _backends(module)]
    return {name: backend for backend in every for name in (backend.name, *backend.aliases)}


@cache
def _modules() -> frozenset[str]:
    return frozenset(module.name for module in iter_modules(package.__path__))


def _backends(module: str) -> Iterator[Backend]:
    """The backends of one module of this package; none in those that are not about a program.

    None of them imports its program when it is imported, so this is cheap and cannot fail for want of it.
    """
    found = import_module(f"{package.__name__}.{module}")
    one: Backend | None = getattr(found, "BACKEND", None)
    many: tuple[Backend, ...] = getattr(found, "BACKENDS", ())
    yield from (one,) if one else ()
    yield from many


def _theirs(short: str) -> Backend | None:
    for point in _entry_points():
        if point.name == short:
            backend: Backend = point.load()
            return backend
    return None


def _entry_points() -> Iterable[EntryPoint]:
    from importlib.metadata import entry_points  # 15 ms, which `up` need not wait for when every backend is ours

    return entry_points(group=GROUP)
