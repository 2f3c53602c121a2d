"""A dataclass of the stack as plain JSON data, and back. What is left out of the data takes the field's default."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, partial
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
PLAIN: Final = frozenset({str, int, float, bool, types.NoneType})  # as JSON has them, and most of what there is


def to_data(value: object) -> Any:
    """`value` as dicts, lists, strings, numbers, booleans and None."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if is_dataclass(kind):
        return {name: to_data(getattr(value, name)) for name in field_types(kind)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): to_data(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_data(item) for item in value]
    return value


def from_data(kind: type[T], data: object) -> T:
    """The dataclass `kind` from what `to_data` made. Raises TypeError or ValueError for data of another shape."""
    if not isinstance(data, Mapping):
        raise TypeError(f"{kind.__name__}: expected an object, got {type(data).__name__}")
    decoders = _decoders(kind)  # type: ignore[arg-type]  # typeshed: type[T] is not seen as Hashable
    unknown = data.keys() - decoders.keys()
    if unknown:
        raise TypeError(f"{kind.__name__}: unknown fields {sorted(unknown)}")
    try:
        return kind(**{name: decoders[name](item) for name, item in data.items()})
    except RecursionError:
        raise ValueError(f"{kind.__name__}: nested too deeply") from None


@cache
def field_types(kind: type) -> dict[str, Any]:
    """The resolved type of each field of a dataclass."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


@cache
def _decoders(kind: type) -> dict[str, Callable[[Any], Any]]:
    """What reads each field of a dataclass."""
    return {name: _decoder(hint) for name, hint in field_types(kind).items()}


@cache
def _decoder(hint: Any) -> Callable[[Any], Any]:
    """What reads data of this type: found once for each type, as a large stack has a field of it ten thousand times."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return partial(_decode_union, get_args(hint))
    if origin is tuple:
        return partial(_decode_each, _decoder(get_args(hint)[0]))
    if origin is Mapping:
        return dict
    if isinstance(hint, type) and is_dataclass(hint):
        return partial(from_data, hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    return _as_it_is


def _decode_each(decode: Callable[[Any], Any], data: Any) -> tuple[Any, ...]:
    return tuple([decode(item) for item in data])


def _as_it_is(data: Any) -> Any:
    return data


def _decode_union(options: tuple[Any, ...], data: Any) -> Any:
    if data is None:
        return None
    for option in options:
        origin = get_origin(option) or option
        if (origin is tuple and isinstance(data, list | tuple)) or (origin is Mapping and isinstance(data, Mapping)):
            return _decoder(option)(data)
    return _decoder(next(option for option in options if option is not types.NoneType))(data)
