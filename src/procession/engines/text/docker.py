"""Compose files, `docker stack`'s too, and Dockerfiles."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from procession.engines.text import yaml

Data: TypeAlias = (
    "str | int | float | bool | Variable | Defaulted | Joined | Sequence[Data] | Mapping[str, Data] | None"
)


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that the tool takes from its own environment, or from `.env`, when it reads the file.

    Without one the tool refuses, with the words of `otherwise`.
    """

    name: str
    otherwise: str

    def text(self) -> str:
        return f"${{{self.name}:?{self.otherwise}}}"


@dataclass(frozen=True, slots=True)
class Defaulted:
    """A value that the tool takes from its own environment when it reads the file, or this one."""

    name: str
    value: str

    def text(self) -> str:
        return f"${{{self.name}:-{self.value}}}"


@dataclass(frozen=True, slots=True)
class Joined:
    """A string with variables in it."""

    parts: tuple[str | Variable, ...]

    def text(self) -> str:
        return "".join(part.text() if isinstance(part, Variable) else compose_value(part) for part in self.parts)


def compose_value(value: str) -> str:
    """For Compose and `docker stack`, which put variables into every string: a `$` of ours is written twice."""
    return value.replace("$", "$$")


def compose_yaml(data: Mapping[str, Data]) -> str:
    """A Compose file, its keys in the order of `data`."""
    return yaml.yaml_text(_interpolated(data))


def _interpolated(data: Data) -> yaml.Data:
    if isinstance(data, Variable | Defaulted | Joined):
        return data.text()
    if isinstance(data, str):
        return compose_value(data)
    if isinstance(data, Mapping):
        return {key: _interpolated(value) for key, value in data.items()}
    if isinstance(data, Sequence):
        return [_interpolated(item) for item in data]
    return data


def docker_words(words: Sequence[str]) -> str:
    """The exec form of CMD and its kin: a JSON list, in which no variable is put."""
    return json.dumps(list(words))
