"""A raw mapping -> the fields of a dataclass of the model, each read by its type; whatever does not fit is a Problem.

The dataclass is the schema: a key is a field's name (in any case), its reader follows from the field's type, and the
message for an unknown key from the names of the others.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final, Union, get_args, get_origin

from procession.errors import Problem
from procession.stack import alerts, forms, values
from procession.stack.codec import field_types
from procession.stack.declared import Place
from procession.stack.model import Probe, settings_key
from procession.stack.values import Unfit, show, suggestion

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
    "lines": (0, 200),
    "hourly": (1, 1000),
    "collect_seconds": (0.0, 3600.0),
    "interval_seconds": (0.01, 86400.0),
    "timeout_seconds": (0.01, 86400.0),
    "within_seconds": (0.01, 7 * 86400.0),
}
SIZE_MINUS_ONE: Final = frozenset({"core_bytes"})


def read_mapping(kind: type, raw: object, place: Place, problems: list[Problem]) -> Given:
    """Each key of a mapping as the field of `kind` that it names, read by that field's type."""
    if not isinstance(raw, Mapping):
        problems.append(place.problem("E002", f"must be a mapping, got {show(raw)}", 'write: {"KEY": value, ...}'))
        return {}
    fields = _names_by_key(kind)
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


@cache
def _names_by_key(kind: type) -> Mapping[str, str]:
    return {settings_key(name): name for name in field_types(kind)}


def build(kind: type, given: Given) -> Any:
    """The dataclass from what was said, nested ones too; what was not said takes the field's default."""
    filled = {}
    for name, value in given.items():
        nested = _dataclass_in(field_types(kind)[name])
        filled[name] = build(nested, value) if nested and isinstance(value, dict) else value
        if (each := _dataclass_of_each(field_types(kind)[name])) and isinstance(value, dict):
            filled[name] = {key: build(each, given) for key, given in value.items()}
    if isinstance(env := filled.get("env"), dict):
        filled["env"] = {name: value for name, value in env.items() if value is not None}
    return kind(**filled)


def _unknown_key(key: str, known: list[str], place: Place) -> Problem:
    near = OTHER_WORDS.get(key.upper(), "")
    fix = f'did you mean "{near}"?' if near in known else suggestion(key.upper().replace("-", "_"), known)
    fix = fix or f"known keys: {', '.join(known)}"
    return place.problem("E001", "is no key that Procession knows", fix.lower() if key.islower() else fix)


def _read_field(kind: type, name: str, raw: object, place: Place, problems: list[Problem], given: Given) -> None:
    value = fitting(lambda: _read_value(kind, name, raw, place, problems), place, problems, None)
    if value is not None:  # Of a mapping with a mistake in it, the rest counts.
        given[name] = value


def fitting(read: Callable[[], Any], place: Place, problems: list[Problem], otherwise: Any) -> Any:
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
        return read_mapping(nested, raw, place, problems)
    if each := _dataclass_of_each(hint):
        return _read_each(each, raw, place, problems)
    return in_range(name, _scalar(name, hint, raw))


def _read_probe(raw: object, place: Place, problems: list[Problem]) -> Given:
    given = read_mapping(Probe, forms.probe_mapping(raw), place, problems)
    forms.probe_type(given)
    problems += forms.probe_problems(given, place)
    return given


def _read_each(kind: type, raw: object, place: Place, problems: list[Problem]) -> dict[str, Given]:
    """{"web": {...}, "worker": {...}}: a mapping of `kind` under each name of the person's own."""
    if not isinstance(raw, Mapping):
        raise values.wrong_type("a mapping", raw, 'write: {"name": {"KEY": value}}')
    return {str(name): read_mapping(kind, item, place.named(str(name)), problems) for name, item in raw.items()}


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
    "engines": forms.named_mappings,
    "services": forms.named_mappings,
}
BY_NAME: Final[Mapping[str, Callable[[object], Any]]] = {
    "stop": _read_stop,
    "umask": values.umask,
    "watch": forms.patterns,
    "socket_mode": values.file_mode,
    "email": alerts.addresses,
    "webhook": alerts.web_addresses,
    "sentry": alerts.dsn,
    "kinds": alerts.kinds,
}

SCALARS: Final[Mapping[object, Callable[[object], Any]]] = {
    bool: values.flag,
    int: values.whole,
    float: values.number,
    str: values.text,
    tuple[str, ...]: values.texts,
    Mapping[str, str]: values.text_by_name,
    tuple[int, ...]: lambda raw: tuple(
        values.whole(item) for item in (raw if isinstance(raw, list | tuple) else [raw])
    ),
}


def _scalar(name: str, hint: Any, raw: object) -> Any:
    if name.endswith("_seconds"):
        return values.seconds(raw)
    if name.endswith("_bytes") and not (name in SIZE_MINUS_ONE and raw == -1):
        return values.size_bytes(raw)
    if name.endswith("cpu"):
        return values.cores(raw)
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


def _dataclass_of_each(hint: Any) -> type | None:
    """`Scale` of Mapping[str, Scale]."""
    if get_origin(hint) is not Mapping:
        return None
    value = get_args(hint)[1]
    return value if isinstance(value, type) and is_dataclass(value) else None
