"""What a person wrote -> Declarations, and all that is wrong with it at once.

The dataclasses of the model are the schema: a key is a field (in any case), its reader follows from its type, and the
message for an unknown key from the names of the others.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from enum import StrEnum
from typing import Any, Final, Union, get_args, get_origin

from procession.errors import Problem
from procession.stack import forms, values
from procession.stack.codec import field_types
from procession.stack.declared import Declared, Place
from procession.stack.model import Common, Declaration, Probe, settings_key
from procession.stack.values import Unfit, show, suggestion

NAME = re.compile(r"[A-Za-z]([A-Za-z0-9_-]{0,38}[A-Za-z0-9])?")
NAME_RULE = (
    "use letters, digits, - and _, at most 40, a letter first and no - or _ last: it names files, units and pods"
)
Given = dict[str, object]  # field name -> value, only of what was said; a nested dataclass is a Given too

# What other tools call it.
OTHER_WORDS: Final = {
    **{word: "REPLICAS" for word in ("NUMPROCS", "COUNT", "INSTANCES", "SCALE")},
    **{word: "DIRECTORY" for word in ("CWD", "WORKING_DIRECTORY", "CHDIR")},
    **{word: "READINESS" for word in ("HEALTH", "HEALTHCHECK")},
    **{word: "ARGS" for word in ("OPTIONS", "ARGUMENTS")},
    **{word: "ENV" for word in ("ENVIRONMENT", "ENVIRON")},
    "CMD": "COMMAND",
    "AUTORESTART": "RESTART",
    "STOPWAITSECS": "STOP_TIMEOUT",
    "STOPSIGNAL": "STOP",
    "AFTER": "DEPENDS_ON",
}

# (lowest, highest) of a field; any other number must not be negative.
RANGES: Final = {
    "replicas": (0, 1000),
    "nice": (-20, 19),
    "core_bytes": (-1, 2**63),
    "failures": (1, 1000),
    "crash_loop": (1, 1000),
    "interval_seconds": (0.01, 86400.0),
    "timeout_seconds": (0.01, 86400.0),
    "within_seconds": (0.01, 7 * 86400.0),
}
SIZE_MINUS_ONE: Final = frozenset({"core_bytes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One process's declaration with what is common to all merged in, and its origin.

    `readiness` and `liveness` hold only the probe's fields that were said: the rest is the backend's to know.
    """

    name: str
    declaration: Declaration
    readiness: Mapping[str, object]
    liveness: Mapping[str, object]
    place: Place


@dataclass(frozen=True, slots=True)
class Read:
    """`said` holds the processes without an error; `names` all that were declared; `stack_name` is "" if not said."""

    said: tuple[Said, ...]
    names: tuple[str, ...]
    stack_name: str
    problems: tuple[Problem, ...]


def declare(declared: Declared) -> Read:
    """Read every process of a source. Never raises for what a person wrote: that is in `problems`."""
    problems = list(declared.problems)
    common = _read_common(declared, problems)
    said = []
    for name, raw in declared.processes.items():
        mine: list[Problem] = []
        one = _read_process(str(name), raw, declared.process(str(name)), mine, common)
        problems += mine
        if not any(problem.is_error for problem in mine):
            said.append(one)
    names = tuple(str(name) for name in declared.processes)
    problems += _same_when_folded(names, declared)
    return Read(tuple(said), names, str(common.get("name", "")), tuple(problems))


def _read_common(declared: Declared, problems: list[Problem]) -> Given:
    place = declared.common()
    given = _read_mapping(Common, declared.stack, place, problems)
    name = given.get("name")
    if isinstance(name, str) and not NAME.fullmatch(name):
        problems.append(place.at("NAME").problem("E008", f"is no name for a stack: {show(name)}", NAME_RULE))
    return given


def _read_process(name: str, raw: object, place: Place, problems: list[Problem], common: Given) -> Said:
    if not NAME.fullmatch(name):
        problems.append(place.problem("E008", f"is no name for a process: {show(name)}", NAME_RULE))
    given = _read_mapping(Declaration, raw, place, problems)
    if isinstance(raw, Mapping):
        problems += _missing(given, raw, place)
    merged = merge(common, given)
    if "stop" in given and not any(problem.is_error for problem in problems):
        timeout = merged.get("stop_timeout_seconds", forms.STOP_SECONDS)
        assert isinstance(timeout, float)
        merged["stop"] = _fitting(lambda: forms.stop_ladder(given["stop"], timeout), place.at("STOP"), problems, ())
    return Said(
        name=name,
        declaration=_build(Declaration, merged),
        readiness=_nested(given, "readiness"),
        liveness=_nested(given, "liveness"),
        place=place,
    )


def _missing(given: Given, raw: Mapping[object, object], place: Place) -> list[Problem]:
    """Neither BACKEND nor COMMAND: nothing says what to run. A key of theirs that did not fit has its own Problem."""
    written = {str(key).lower() for key in raw}
    if not written & {"backend", "command"}:
        return [place.problem("E010", "has neither BACKEND nor COMMAND", 'add: "BACKEND": "gunicorn", or a COMMAND')]
    if given.get("command") == ():
        return [place.at("COMMAND").problem("E010", "is empty", "write the command to run")]
    if given.get("backend") not in (None, "command") and given.get("command"):
        fix = "leave one of them out: options of the backend's program go in ARGS"
        return [place.problem("E033", f"has both BACKEND ({show(given['backend'])}) and COMMAND", fix)]
    return []


def _same_when_folded(names: tuple[str, ...], declared: Declared) -> list[Problem]:
    """Names that differ only in case or in - and _ would be one name on Kubernetes and in a container's hostname."""
    seen: dict[str, str] = {}
    problems = []
    for name in names:
        first = seen.setdefault(name.lower().replace("_", "-"), name)
        if first != name:
            problems.append(
                declared.process(name).problem("E008", f'differs from "{first}" only in case or - and _', "rename one")
            )
    return problems


def merge(common: Given, own: Given) -> Given:
    """What is common to all, overlaid by a process's own: mappings key by key, anything else as a whole."""
    merged = {key: value for key, value in common.items() if key != "name"}
    for key, value in own.items():
        under = merged.get(key)
        merged[key] = {**under, **value} if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def _build(kind: type, given: Given) -> Any:
    """The dataclass from what was said, nested ones too; what was not said takes the field's default."""
    filled = {}
    for name, value in given.items():
        nested = _dataclass_in(field_types(kind)[name])
        filled[name] = _build(nested, value) if nested and isinstance(value, dict) else value
    if isinstance(env := filled.get("env"), dict):
        filled["env"] = {name: value for name, value in env.items() if value is not None}
    return kind(**filled)


def _nested(given: Given, name: str) -> Given:
    value = given.get(name)
    return value if isinstance(value, dict) else {}


def _read_mapping(kind: type, raw: object, place: Place, problems: list[Problem]) -> Given:
    """Each key of a mapping as the field of `kind` that it names, read by that field's type."""
    if not isinstance(raw, Mapping):
        problems.append(place.problem("E002", f"must be a mapping, got {show(raw)}", 'write: {"KEY": value, ...}'))
        return {}
    fields = {settings_key(name): name for name in field_types(kind)}
    given: Given = {}
    for key, value in raw.items():
        here = place.at(str(key))
        name = fields.get(str(key).upper().replace("-", "_"))
        if name is None:
            problems.append(_unknown_key(str(key), list(fields), here))
        elif name in given:
            problems.append(here.problem("E034", "is said twice", "leave one of them out"))
        elif value is not None:
            _read_field(kind, name, value, here, problems, given)
    return given


def _unknown_key(key: str, known: list[str], place: Place) -> Problem:
    near = OTHER_WORDS.get(key.upper(), "")
    fix = f'did you mean "{near}"?' if near in known else suggestion(key.upper().replace("-", "_"), known)
    fix = fix or f"known keys: {', '.join(known)}"
    return place.problem("E001", "is no key that Procession knows", fix.lower() if key.islower() else fix)


def _read_field(kind: type, name: str, raw: object, place: Place, problems: list[Problem], given: Given) -> None:
    before = len(problems)
    value = _fitting(lambda: _read_value(kind, name, raw, place, problems), place, problems, None)
    if value is not None and not any(problem.is_error for problem in problems[before:]):
        given[name] = value


def _fitting(read: Callable[[], Any], place: Place, problems: list[Problem], otherwise: Any) -> Any:
    try:
        return read()
    except Unfit as unfit:
        problems.append(place.problem(unfit.id, unfit.what, unfit.fix))
        return otherwise


def _read_value(kind: type, name: str, raw: object, place: Place, problems: list[Problem]) -> Any:
    special = SPECIAL.get(name)
    hint = _without_none(field_types(kind)[name])
    nested = _dataclass_in(hint)
    if special is not None:
        return special(raw, place, problems)
    if name in BY_NAME:
        return BY_NAME[name](raw)
    if nested is Probe:
        return _read_probe(raw, place, problems)
    if nested is not None:
        return _read_mapping(nested, raw, place, problems)
    return in_range(name, _scalar(name, hint, raw))


def _read_probe(raw: object, place: Place, problems: list[Problem]) -> Given:
    given = _read_mapping(Probe, forms.probe_mapping(raw), place, problems)
    forms.probe_type(given)
    problems += forms.probe_problems(given, place)
    return given


def _read_command(raw: object, place: Place, problems: list[Problem]) -> tuple[str, ...]:
    command = values.words(raw)
    if word := forms.shell_word(command, raw):
        fix = f'write: ["sh", "-c", {show(raw)}], or leave the {word} out'
        problems.append(place.problem("W001", f"no shell reads it, so {word} is passed on as it is", fix))
    return command


def _read_stop(raw: object) -> object:
    """Checked here, kept raw: a step without a time takes the stop timeout, which may be common to all."""
    forms.stop_ladder(raw, forms.STOP_SECONDS)
    return raw


# Read by a form of their own, not by their type.
SPECIAL: Final[Mapping[str, Callable[[Any, Place, list[Problem]], Any]]] = {
    "command": _read_command,
    "args": forms.arguments,
    "env": forms.variables,
    "depends_on": forms.dependencies,
}
BY_NAME: Final[Mapping[str, Callable[[object], Any]]] = {"stop": _read_stop, "umask": values.umask}

SCALARS: Final[Mapping[object, Callable[[object], Any]]] = {
    bool: values.flag,
    int: values.whole,
    float: values.number,
    str: values.text,
    tuple[str, ...]: values.texts,
    tuple[int, ...]: lambda raw: tuple(
        values.whole(item) for item in (raw if isinstance(raw, list | tuple) else [raw])
    ),
}


def _scalar(name: str, hint: Any, raw: object) -> Any:
    if name.endswith("_seconds"):
        return values.seconds(raw)
    if name.endswith("_bytes") and not (name in SIZE_MINUS_ONE and raw == -1):
        return values.size_bytes(raw)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return values.choice(hint, raw)
    return SCALARS[hint](raw)


def in_range(name: str, value: Any) -> Any:
    """`value`, or Unfit if it is a number outside the field's range."""
    if not values.is_number(value):
        return value
    lowest, highest = RANGES.get(name, (0, None))
    if value < lowest or (highest is not None and value > highest):
        bounds = f"at least {lowest}" if highest is None else f"from {lowest} to {highest}"
        raise wrong_range(bounds, value)
    return value


def wrong_range(bounds: str, value: object) -> Unfit:
    return Unfit("E009", f"must be {bounds}, got {show(value)}")


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        options = [option for option in get_args(hint) if option is not types.NoneType]
        return options[0] if len(options) == 1 else hint
    return hint


def _dataclass_in(hint: Any) -> type | None:
    plain = _without_none(hint)
    return plain if isinstance(plain, type) and is_dataclass(plain) else None
