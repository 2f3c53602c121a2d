"""Which backend a declaration means, and whether its program is there."""

from __future__ import annotations

from importlib.util import find_spec

from procession.backends import registry
from procession.backends.base import Backend
from procession.backends.recognise import as_written, recognise
from procession.errors import Problem
from procession.stack.declare import Said
from procession.stack.model import Site


def choose(said: Said, site: Site) -> Backend | Problem:
    """The backend that BACKEND names, or that a COMMAND is seen to run; a Problem if it cannot be had."""
    backend = _named(said, site)
    command = said.declaration.command
    if isinstance(backend, Problem) or backend.name != "command" or not command:
        return backend
    recognised = recognise(command, said.declaration.env)
    known = registry.find(recognised.backend) if recognised else None
    return as_written(known, recognised.args) if known and recognised else backend


def _named(said: Said, site: Site) -> Backend | Problem:
    name = said.declaration.backend or "command"
    place = said.written("backend")
    try:
        backend = registry.find(name)
    except Exception as error:  # noqa: BLE001 - a third party's module may raise anything while it is imported
        return place.problem("E013", f'"{name}" cannot be loaded: {type(error).__name__}: {error}', "ask who wrote it")
    if backend is None:
        near = registry.suggestion(name)
        fix = f'did you mean "{near}"?' if near else f"known: {', '.join(registry.names())}"
        return place.problem("E011", f'there is no backend "{name}"', fix)
    if backend.module and not _is_installed(backend.module):
        what = f"{backend.requires} is not installed in {site.python}"
        return place.problem("E012", what, f'run: pip install "{requirement(backend)}"')
    return backend


def requirement(backend: Backend) -> str:
    """What to install for it: our extra of that name where there is one, for its lower bound."""
    from importlib.metadata import PackageNotFoundError, metadata  # 15 ms, which only a mistake is worth

    try:
        extras = metadata("procession").get_all("Provides-Extra") or []
    except PackageNotFoundError:
        extras = []
    return f"procession[{backend.requires}]" if backend.requires in extras else backend.requires


def _is_installed(module: str) -> bool:
    return find_spec(module.partition(".")[0]) is not None
