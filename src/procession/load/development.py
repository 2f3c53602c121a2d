"""What `procession dev` makes of a declaration: ports, short stops, a restart for each change of the site's files.

Three things are done to what was declared, before it is loaded as ever:

- where nothing is declared for development, production's processes stand in, their web servers as runserver;
- what concerns the server that the site runs on in production (USER, LIMITS, ...) is left out of what is common;
- what nobody has said gets the value that suits a person who waits for a reload.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import replace

from procession.backends import registry
from procession.backends.recognise import PROGRAMS, recognise
from procession.sources.discover import Found
from procession.sources.procfile import number_ports
from procession.stack.declare import Said, declare
from procession.stack.declared import Declared
from procession.stack.model import Declaration, Kind, Site
from procession.stack.shell import expand, words_of

WEB = frozenset(PROGRAMS.values())
RUNSERVER = "runserver"
PORT_FIRST_OF_DJANGO = 8000
OF_THE_SERVER = frozenset({"ALERTS", "USER", "GROUP", "UMASK", "LIMITS", "LOG", "STOP_TIMEOUT", "MAX_AGE"})
OF_PRODUCTION = OF_THE_SERVER | {"REPLICAS", "MAX_SURGE", "BACKOFF", "RESTART"}
OF_A_WEB_SERVER = OF_PRODUCTION | {"BACKEND", "COMMAND", "APP", "ARGS", "STOP", "READINESS", "LIVENESS", "RELOAD"}
DEFAULTS: Mapping[str, object] = {
    "MAX_SURGE": 0,  # The old code is not to answer while the new code starts: stop it first, as runserver does.
    "STOP_TIMEOUT": 10,
    "LIVENESS": False,  # Who stands at a breakpoint does not hang.
    "TTY": True,  # for breakpoint(), and the colours and width of a terminal
    "BACKOFF": {"FIRST": 1, "LONGEST": 5, "GIVE_UP": 5},  # then it waits for a change of its files
}


def read_adapted(found: Found, site: Site, read: Callable[[Found], Declared], environ: Mapping[str, str]) -> Declared:
    """What is declared for development, or what stands in for it, as `procession dev` runs it; `environ` says PORT."""
    declared = read(found)
    is_missing = not declared.processes and not declared.problems
    if found.development and not is_missing:
        return adapt(declared, site, environ)
    return adapt(stand_in(read(replace(found, development=False)), site), site, environ)


def stand_in(declared: Declared, site: Site) -> Declared:
    """Production's processes for a developer's machine: one of each, as its own user, and runserver for the web.

    A Django site that declares nothing at all has that.
    """
    if not declared.processes and not declared.problems and site.settings_module:
        return replace(declared, processes={"web": {"BACKEND": RUNSERVER}})
    said = {one.name: one for one in declare(declared).said}
    processes = {name: _at_home(raw, said.get(name), site) for name, raw in declared.processes.items()}
    return replace(declared, processes=processes)


def adapt(declared: Declared, site: Site, environ: Mapping[str, str]) -> Declared:
    """`declared` as `procession dev` runs it. `environ` says the first PORT."""
    is_ours = declared.source != "procfile"  # A Procfile has its ports already.
    ports = number_ports(_serving(declared), _first_port(environ)) if is_ours else {}
    processes = {
        name: _adapted(raw, site, ports.get(name)) if isinstance(raw, Mapping) else raw
        for name, raw in declared.processes.items()
    }
    stack = {str(key): value for key, value in _existing(_without(declared.stack, OF_THE_SERVER), site).items()}
    return replace(declared, processes=processes, stack=stack)


def _at_home(raw: object, said: Said | None, site: Site) -> object:
    if not isinstance(raw, Mapping) or said is None:
        return raw
    if site.settings_module and _is_web(said.declaration):
        return {"BACKEND": RUNSERVER, **_existing(_without(raw, OF_A_WEB_SERVER), site)}
    return _existing(_without(raw, OF_PRODUCTION), site)


def _is_web(declaration: Declaration) -> bool:
    if declaration.command:
        found = recognise(declaration.command, declaration.env)
        return found is not None and found.backend in WEB
    try:
        backend = registry.find(declaration.backend or "")
    except Exception:  # noqa: BLE001 - a third party's module, of which the loader tells what it raises
        return False
    return backend is not None and backend.name in WEB


def _existing(raw: Mapping[object, object], site: Site) -> dict[object, object]:
    """Without env files and directories that are the production server's: `/etc/mysite/env`."""
    places = {"ENV_FILE", "DIRECTORY"}
    return {key: value for key, value in raw.items() if _key(key) not in places or _is_here(value, site)}


def _is_here(value: object, site: Site) -> bool:
    paths = value if isinstance(value, list | tuple) else [value]
    return all(isinstance(path, str) and os.path.exists(os.path.join(site.directory, path)) for path in paths)


def _adapted(raw: Mapping[object, object], site: Site, port: int | None) -> dict[object, object]:
    said = {_key(key) for key in raw}
    if port is not None:
        raw = _with_port(raw, port)
    if site.settings_module and (words := _runserver_words(raw)) is not None:
        raw = {**_without(raw, {"BACKEND", "COMMAND", "ARGS"}), "BACKEND": RUNSERVER, "ARGS": words}
    return {**raw, **{key: value for key, value in DEFAULTS.items() if key not in said}}


def _runserver_words(raw: Mapping[object, object]) -> list[str] | None:
    """What follows `runserver` where it is run as a management command, or as the command of a Procfile."""
    own = {_key(key): value for key, value in raw.items()}
    is_manage = own.get("BACKEND") == "manage"
    env = own.get("ENV")
    variables = {str(name): str(value) for name, value in env.items()} if isinstance(env, Mapping) else {}
    words = [word for key in ("COMMAND", "ARGS") for word in _words(own.get(key))]
    if not is_manage:
        words = [expand(word, variables) for word in words_of(tuple(words))]
        at = next((at for at, word in enumerate(words) if os.path.basename(word) == "manage.py"), None)
        words = [] if at is None else words[at + 1 :]
    return words[1:] if words[:1] == [RUNSERVER] else None


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.split()
    elif isinstance(value, list | tuple):
        yield from (str(word) for word in value)


def _with_port(raw: Mapping[object, object], port: int) -> dict[object, object]:
    """PORT in its environment, unless that says one."""
    key = next((key for key in raw if _key(key) == "ENV"), "ENV")
    env = raw.get(key) or {}
    return {**raw, key: {"PORT": str(port), **env}} if isinstance(env, Mapping) else dict(raw)


def _serving(declared: Declared) -> list[str]:
    return [one.name for one in declare(declared).said if one.declaration.type is not Kind.TASK]


def _first_port(environ: Mapping[str, str]) -> int:
    said = environ.get("PORT", "")
    return int(said) if said.isdecimal() and 0 < int(said) < 65536 else PORT_FIRST_OF_DJANGO


def _without(raw: Mapping[object, object] | Mapping[str, object], keys: Set[str]) -> dict[object, object]:
    return {key: value for key, value in raw.items() if _key(key) not in keys}


def _key(key: object) -> str:
    return str(key).upper().replace("-", "_")
