"""YAML, written here and not by PyYAML: the same bytes always, many times as fast, nothing to install."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

Data = Mapping[str, "Data"] | Sequence["Data"] | str | int | float | bool | None
"""What YAML can say, as Python has it; mappings keep their order."""

PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9/_.-]*")
WORDS_OF_YAML = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
INDENT = "  "
WORDS_KEPT = 4096  # a file says the same keys and words again and again
BLOCK_CHARS_MIN = 40  # a shorter text of several lines is clearer in quotes


def yaml_text(data: Data) -> str:
    """One YAML document, in block style; it ends with a newline. JSON's rules for keys: all are strings."""
    lines: list[str] = []
    _write(data, "", lines)
    return "\n".join(lines) + "\n"


def yaml_documents(documents: Sequence[Data]) -> str:
    """Several documents in one file."""
    return "---\n".join(yaml_text(document) for document in documents)


def _write(data: Data, indent: str, lines: list[str]) -> None:
    """Onto the end of `lines`: a generator for each level would hand every line through all levels above it."""
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            _write_entry(f"{indent}{_scalar(key)}:", value, indent + INDENT, lines)
    elif isinstance(data, list | tuple) and data:
        for item in data:
            _write_item(item, indent, lines)
    else:
        lines.append(indent + _scalar(data))


def _write_entry(head: str, value: Data, indent: str, lines: list[str]) -> None:
    if isinstance(value, str):
        if _is_block(value):
            lines.append(f"{head} |{'' if value.endswith(chr(10)) else '-'}")
            lines += [f"{indent}{line}" if line else "" for line in value.removesuffix("\n").split("\n")]
        else:
            lines.append(f"{head} {_text(value)}")
    elif value and isinstance(value, Mapping | list | tuple):
        lines.append(head)
        _write(value, indent, lines)
    else:
        lines.append(f"{head} {_scalar(value)}")


def _write_item(item: Data, indent: str, lines: list[str]) -> None:
    """`- ` takes the place of the first line's indent."""
    if isinstance(item, str) or not item or not isinstance(item, Mapping | list | tuple):
        _write_entry(f"{indent}-", item, indent + INDENT, lines)
        return
    first = len(lines)
    _write(item, indent + INDENT, lines)
    lines[first] = f"{indent}- {lines[first].removeprefix(indent + INDENT)}"


def _scalar(value: Data) -> str:
    return _text(value) if isinstance(value, str) else json.dumps(value)  # also {} and []


@lru_cache(maxsize=WORDS_KEPT)
def _text(value: str) -> str:
    is_plain = PLAIN.fullmatch(value) and value.lower() not in WORDS_OF_YAML
    return value if is_plain else yaml_quoted(value)


def yaml_quoted(value: str) -> str:
    """A double-quoted scalar: JSON's string, with an escape for each character that YAML forbids as it is (5.1)."""
    return "".join(char if char.isprintable() else _escape(char) for char in json.dumps(value, ensure_ascii=False))


def _escape(char: str) -> str:
    return f"\\U{ord(char):08x}" if ord(char) > 0xFFFF else f"\\u{ord(char):04x}"


def _is_block(value: str) -> bool:
    """Whether it survives as a literal block: no blank at an end that has to be counted, nothing to escape."""
    if len(value) < BLOCK_CHARS_MIN:
        return False
    lines = value.removesuffix("\n").split("\n")
    if len(lines) < 2:
        return False
    ends = lines[0] and lines[-1] and not lines[0].startswith(" ")
    return bool(ends) and all(line.isprintable() and (not line or line.strip(" ") != "") for line in lines)
