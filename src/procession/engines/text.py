"""Data -> the text of each format that an engine reads. All quoting is here, so that no engine has to remember it.

A value survives its format: `%`, `$`, quotes, blanks, newlines, unicode and `#` come out as they went in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from procession.refusal import Refusal

# -------------------------------------------------------------------------------------- YAML, and Compose's use of it

Data: TypeAlias = "str | int | float | bool | Variable | Joined | Sequence[Data] | Mapping[str, Data] | None"
PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./@-]*")
LINE_CHARS_MAX = 10_000  # A string is never folded: a diff then shows the line that changed.


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
    return yaml_text(_interpolated(data))


def _interpolated(data: Data) -> Data:
    if isinstance(data, Variable | Joined):
        return data.text()
    if isinstance(data, str):
        return compose_value(data)
    if isinstance(data, Mapping):
        return {key: _interpolated(value) for key, value in data.items()}
    if isinstance(data, Sequence):
        return [_interpolated(item) for item in data]
    return data


def yaml_text(data: Data) -> str:
    """YAML, the same bytes for the same data. A string is quoted unless every reader takes it for a string:
    1e3 and 12:30:00 are numbers to some, `no` is false. Raises Refusal without PyYAML.
    """
    try:
        import yaml
    except ImportError as error:
        raise Refusal("cannot write YAML: PyYAML is not installed", 'pip install "procession[engines]"') from error

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - its signature
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - its signature
            super().increase_indent(flow, False)

    def string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = None if PLAIN.fullmatch(value) else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, string)
    return yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=LINE_CHARS_MAX)


# --------------------------------------------------------------------------------------------------------- Dockerfile


def docker_words(words: Sequence[str]) -> str:
    """The exec form of CMD and its kin: a JSON list, in which no variable is put."""
    return json.dumps(list(words))


# ------------------------------------------------------------------------------------------------------- nginx, Caddy

NGINX_PLAIN = re.compile(r"[A-Za-z0-9_./:*-]+")


def nginx_value(value: str) -> str:
    """One parameter of a directive. Raises ValueError for `$`, which nginx takes for a variable and cannot escape."""
    if "$" in value:
        raise ValueError(f"nginx cannot take a $ in {value!r}")
    return value if NGINX_PLAIN.fullmatch(value) else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def caddy_value(value: str) -> str:
    """One token of a Caddyfile. Raises ValueError for `{`: braces make a placeholder, quoted or not."""
    if "{" in value:
        raise ValueError(f"Caddy cannot take a {{ in {value!r}")
    return value if NGINX_PLAIN.fullmatch(value) else '"' + value.replace('"', '\\"') + '"'
