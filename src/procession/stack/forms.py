"""The settings that may be written in more than one way: READINESS, DEPENDS_ON, STOP, ENV, ARGS.

Each reader takes the raw value and its Place, adds a Problem for each thing that is wrong in it, and returns what is
right. One that raises Unfit says that the value is wrong as a whole.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from procession.errors import Problem
from procession.stack.declared import Place
from procession.stack.hidden import is_secret
from procession.stack.model import Condition, Dependency, ProbeType, StopStep
from procession.stack.values import (
    Unfit,
    choice,
    seconds,
    show,
    signal_name,
    suggestion,
    text,
    texts,
    words,
    wrong_type,
)

STOP_SECONDS = 30.0  # of a step that says no time, where STOP_TIMEOUT says none either
STOP_FORM = 'write: [["TERM", 30], ["QUIT", 5]]'
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PROBE_TYPE_OF_KEY = (
    ("command", ProbeType.EXEC),
    ("file", ProbeType.FILE),
    ("path", ProbeType.HTTP),
    ("status", ProbeType.HTTP),
    ("status_below", ProbeType.HTTP),
    ("https", ProbeType.HTTP),
    ("host", ProbeType.HTTP),
    ("address", ProbeType.TCP),
)
SHELL_WORDS = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "<<", "2>", "2>&1", "(", ")"})


def probe_mapping(raw: object) -> Mapping[object, object]:
    """A probe's short form as its mapping: "/health/" is http, "tcp" its type, False is none."""
    if isinstance(raw, Mapping):
        return raw
    if raw is False:
        return {"type": ProbeType.NONE}
    if isinstance(raw, str) and raw.startswith("/"):
        return {"type": ProbeType.HTTP, "path": raw}
    if isinstance(raw, str) and raw.strip().lower() in set(ProbeType):
        return {"type": raw}
    known = ", ".join(kind.value for kind in ProbeType)
    near = suggestion(str(raw).lower(), list(ProbeType)) if isinstance(raw, str) else ""
    fix = near or f'write "/health/" or one of: {known}'
    raise Unfit("E007", f"must be a mapping, a path or a type, got {show(raw)}", fix)


def probe_type(given: dict[str, object]) -> None:
    """Infer `type` from the keys that were given, if it was not. With none that tells, the backend's type holds."""
    if "type" not in given:
        found = next((kind for key, kind in PROBE_TYPE_OF_KEY if key in given), None)
        if found is not None:
            given["type"] = found


def probe_problems(given: Mapping[str, object], place: Place) -> list[Problem]:
    """What a probe cannot be without, and addresses and paths that cannot be."""
    problems = []
    path = given.get("path", "/")
    if isinstance(path, str) and not path.startswith("/"):
        problems.append(place.at("path").problem("E014", f'must start with "/", got {show(path)}', f'write: "/{path}"'))
    if given.get("type") is ProbeType.EXEC and not given.get("command"):
        problems.append(
            place.problem("E035", "an exec probe needs a command", 'add: "command": ["program", "argument"]')
        )
    if given.get("type") is ProbeType.FILE and not given.get("file"):
        problems.append(place.problem("E035", "a file probe needs a file", 'add: "file": "run/ready"'))
    address = given.get("address")
    if isinstance(address, str) and address and not is_address(address):
        what = f"must be an address, got {show(address)}"
        problems.append(place.at("address").problem("E036", what, 'write: "127.0.0.1:8000" or "unix:/run/site.sock"'))
    return problems


def is_address(address: str) -> bool:
    """Whether it is "host:port", "[::1]:port" or "unix:/path"."""
    if address.startswith("unix:"):
        return address.startswith("unix:/")
    host, colon, port = address.rpartition(":")
    is_port = port.isdecimal() and 0 < int(port[:6]) < 65536
    return bool(colon and host and is_port) and (":" not in host or host[0] == "[")


def dependencies(raw: object, place: Place, problems: list[Problem]) -> tuple[Dependency, ...]:
    """A name, a list of names, or {name: condition}. A name alone is `ready`, which for a task means completed."""
    if isinstance(raw, Mapping):
        found = [_dependency(str(name), condition, place, problems) for name, condition in raw.items()]
        return tuple(dependency for dependency in found if dependency)
    names = raw if isinstance(raw, list | tuple) else [raw]
    if not all(isinstance(name, str) for name in names):
        raise wrong_type("a name, a list of names or a mapping", raw, 'write: ["db"] or {"db": "ready"}')
    return tuple(Dependency(str(name), Condition.READY) for name in dict.fromkeys(names))


def _dependency(name: str, raw: object, place: Place, problems: list[Problem]) -> Dependency | None:
    try:
        return Dependency(name, Condition.READY if raw is None else choice(Condition, raw))
    except Unfit as unfit:
        problems.append(place.named(name).problem(unfit.id, unfit.what, unfit.fix))
        return None


def patterns(raw: object) -> tuple[str, ...]:
    """WATCH: a pattern or several, as .gitignore writes them; False is none at all."""
    return () if raw is False else texts(raw)


def stop_ladder(raw: object, stop_timeout_seconds: float) -> tuple[StopStep, ...]:
    """ "TERM", ["TERM", 30] or [["TERM", 30], ["QUIT", 5]]; a step that says no time has the stop timeout's."""
    if isinstance(raw, list | tuple) and not raw:
        raise wrong_type("a list of steps", raw, STOP_FORM)
    steps = raw if isinstance(raw, list | tuple) and not _is_step(raw) else [raw]
    return tuple(_stop_step(step, stop_timeout_seconds) for step in steps)


def _is_step(raw: list[object] | tuple[object, ...]) -> bool:
    """Whether this list is one [signal, seconds] pair: its second item is no signal's name."""
    return len(raw) == 2 and isinstance(raw[0], str) and not (isinstance(raw[1], list | tuple) or str(raw[1]).isalpha())


def _stop_step(raw: object, stop_timeout_seconds: float) -> StopStep:
    pair = raw if isinstance(raw, list | tuple) else [raw]
    if not 1 <= len(pair) <= 2:
        raise wrong_type("[signal, seconds]", raw, STOP_FORM)
    name = signal_name(pair[0])
    if name in {"KILL", "STOP"}:
        raise Unfit("E005", f"{name} is no graceful stop", "leave it out: KILL follows by itself after the last step")
    return StopStep(name, seconds(pair[1]) if len(pair) == 2 else stop_timeout_seconds)


def variables(raw: object, place: Place, problems: list[Problem]) -> dict[str, str | None]:
    """Environment variables as text. True is "1" and False "0", as every reader of flags understands; None removes."""
    if not isinstance(raw, Mapping):
        raise wrong_type("a mapping", raw, 'write: {"NAME": "value"}')
    found: dict[str, str | None] = {}
    for name, value in raw.items():
        try:
            found[_variable_name(name)] = _variable_text(str(name), value)
        except Unfit as unfit:
            problems.append(place.named(str(name)).problem(unfit.id, unfit.what, unfit.fix))
    return found


def named_mappings(raw: object, place: Place, problems: list[Problem]) -> dict[str, Mapping[str, Any]]:
    """{"systemd": {...}, ...}, each kept as it is: its reader is elsewhere, and named by the key."""
    if not isinstance(raw, Mapping):
        raise wrong_type("a mapping", raw, 'write: {"name": {"KEY": value}}')
    found = {}
    for name, value in raw.items():
        if isinstance(value, Mapping):
            found[str(name).lower()] = value
        else:
            problems.append(place.named(str(name)).problem("E002", f"must be a mapping, got {show(value)}"))
    return found


def _variable_name(name: object) -> str:
    if isinstance(name, str) and VARIABLE.fullmatch(name):
        return name
    raise Unfit("E016", "is no name of an environment variable", "use letters, digits and _, a digit not first")


def _variable_text(name: str, value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return str(value)
    try:
        return text(value)
    except Unfit as unfit:
        shown = unfit.what if not is_secret(name) else "must be a string, got [hidden]"
        raise Unfit("E016", shown, "write a string, a number, a boolean, or None to remove it") from None


def arguments(raw: object, place: Place, problems: list[Problem]) -> Mapping[str, object] | tuple[str, ...]:
    """The server's own options: a mapping (its values are the backend's to read), a list, or a string as in a shell."""
    if not isinstance(raw, Mapping):
        if not isinstance(raw, str | list | tuple):
            raise wrong_type("a mapping, a list or a string", raw, 'write: {"workers": 4} or "--workers 4"')
        return words(raw)
    found: dict[str, object] = {}
    for name, value in raw.items():
        if _is_argument(value):
            found[str(name)] = text(value) if hasattr(value, "__fspath__") else value
        else:
            what = f"must be a string, number, boolean, None or list of them, got {show(value)}"
            problems.append(place.named(str(name)).problem("E002", what))
    return found


def _is_argument(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_argument(item) and not isinstance(item, list | tuple) for item in value)
    return value is None or isinstance(value, str | int | float) or hasattr(value, "__fspath__")


def shell_word(command: tuple[str, ...], raw: object) -> str:
    """The first word of a COMMAND string that only a shell understands: `a && b`, `> file`, `$PORT`; "" without one."""
    if not isinstance(raw, str):
        return ""
    operator = next((word for word in _shell_tokens(raw) if word in SHELL_WORDS), "")
    return operator or next((word for word in command if word.startswith("$")), "")


def _shell_tokens(line: str) -> list[str]:
    """The words of a line with operators apart. A quoted one keeps its quotes, so it is none."""
    try:
        return list(shlex.shlex(line, posix=False, punctuation_chars=True))
    except ValueError:
        return []
