"""YAML, written here and not by PyYAML: the same bytes always, many times as fast, nothing to install."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

Data = Mapping[str, "Data"] | Sequence["Data"] | str | int | float | bool | None
"""What YAML can say, as Python has it; mappings keep their order."""

PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9/_.-]*")
WORDS_OF_YAML = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
INDENT = "  "
BLOCK_CHARS_MIN = 40  # a shorter text of several lines is clearer in quotes


def yaml_text(data: Data) -> str:
    """One YAML document, in block style; it ends with a newline. JSON's rules for keys: all are strings."""
    return "\n".join(_lines(data, "")) + "\n"


def yaml_documents(documents: Sequence[Data]) -> str:
    """Several documents in one file."""
    return "---\n".join(yaml_text(document) for document in documents)


def _lines(data: Data, indent: str) -> Iterator[str]:
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from _entry(f"{indent}{_scalar(key)}:", value, indent + INDENT)
    elif isinstance(data, list | tuple) and data:
        for item in data:
            yield from _item(item, indent)
    else:
        yield indent + _scalar(data)


def _entry(head: str, value: Data, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping | list | tuple) and value:
        yield head
        yield from _lines(value, indent)
    elif isinstance(value, str) and _is_block(value):
        yield f"{head} |{'' if value.endswith(chr(10)) else '-'}"
        yield from (f"{indent}{line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    else:
        yield f"{head} {_scalar(value)}"


def _item(item: Data, indent: str) -> Iterator[str]:
    """`- ` takes the place of the first line's indent."""
    if isinstance(item, str) or not isinstance(item, Mapping | list | tuple) or not item:
        yield from _entry(f"{indent}-", item, indent + INDENT)
        return
    lines = _lines(item, indent + INDENT)
    yield f"{indent}- {next(lines).removeprefix(indent + INDENT)}"
    yield from lines


def _scalar(value: Data) -> str:
    if isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in WORDS_OF_YAML:
        return value
    if isinstance(value, str):
        return yaml_quoted(value)
    return json.dumps(value)  # also {} and []


def yaml_quoted(value: str) -> str:
    """A double-quoted scalar: JSON's string, with an escape for each character that YAML forbids as it is (5.1)."""
    return "".join(char if char.isprintable() else _escape(char) for char in json.dumps(value, ensure_ascii=False))


def _escape(char: str) -> str:
    return f"\\U{ord(char):08x}" if ord(char) > 0xFFFF else f"\\u{ord(char):04x}"


def _is_block(value: str) -> bool:
    """Whether it survives as a literal block: no blank at an end that has to be counted, nothing to escape."""
    lines = value.removesuffix("\n").split("\n")
    if len(value) < BLOCK_CHARS_MIN or len(lines) < 2:
        return False
    ends = lines[0] and lines[-1] and not lines[0].startswith(" ")
    return bool(ends) and all(line.isprintable() and (not line or line.strip(" ") != "") for line in lines)
