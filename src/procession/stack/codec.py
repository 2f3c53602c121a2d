"""A dataclass of the stack as plain JSON data, and back. What is left out of the data takes the field's default."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_data(value: object) -> Any:
    """`value` as dicts, lists, strings, numbers, booleans and None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_data(getattr(value, field.name)) for field in fields(value)}
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
    hints = field_types(kind)  # type: ignore[arg-type]  # typeshed: type[T] is not seen as Hashable
    unknown = data.keys() - hints.keys()
    if unknown:
        raise TypeError(f"{kind.__name__}: unknown fields {sorted(unknown)}")
    try:
        return kind(**{name: _decode(hints[name], item) for name, item in data.items()})
    except RecursionError:
        raise ValueError(f"{kind.__name__}: nested too deeply") from None


@cache
def field_types(kind: type) -> dict[str, Any]:
    """The resolved type of each field of a dataclass."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _decode(hint: Any, data: Any) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _decode_union(get_args(hint), data)
    if origin is tuple:
        return tuple(_decode(get_args(hint)[0], item) for item in data)
    if origin is Mapping:
        return dict(data)
    if isinstance(hint, type) and is_dataclass(hint):
        return from_data(hint, data)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(data)
    return data


def _decode_union(options: tuple[Any, ...], data: Any) -> Any:
    if data is None:
        return None
    for option in options:
        origin = get_origin(option) or option
        if (origin is tuple and isinstance(data, list | tuple)) or (origin is Mapping and isinstance(data, Mapping)):
            return _decode(option, data)
    return _decode(next(option for option in options if option is not types.NoneType), data)
