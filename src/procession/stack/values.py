"""One raw value -> one typed value, for each type that a field of the model has.

A reader takes what a person wrote and returns the value that they mean, or raises Unfit, which says why not.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from signal import Signals
from typing import TypeVar

from procession import units
from procession.stack.hidden import hide_in_argv, hide_in_text

E = TypeVar("E", bound=StrEnum)
SHOWN_CHARS_MAX = 60
YES = frozenset({"true", "yes", "on", "1"})
NO = frozenset({"false", "no", "off", "0"})


class Unfit(ValueError):
    """A value that cannot be taken: `id` of the Problem, `what` is wrong, and what to do (`fix`)."""

    def __init__(self, id: str, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.id = id
        self.what = what
        self.fix = fix


def show(raw: object) -> str:
    """A raw value as a message quotes it: short, strings in double quotes, no password of a URL."""
    if isinstance(raw, str):
        text = json.dumps(hide_in_text(raw), ensure_ascii=False)
    elif raw is None or isinstance(raw, bool | int | float | list | tuple | Mapping):
        text = hide_in_text(repr(raw))
    else:
        text = f"a {type(raw).__name__}"
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[: SHOWN_CHARS_MAX - 1]}…"


def wrong_type(expected: str, raw: object, fix: str = "") -> Unfit:
    return Unfit("E002", f"must be {expected}, got {show(raw)}", fix)


def text(raw: object) -> str:
    """A string; a path object counts as one, because settings write BASE_DIR / "x"."""
    if isinstance(raw, str):
        return _without_nul(raw)
    fspath = getattr(raw, "__fspath__", None)
    if fspath is not None and isinstance(path := fspath(), str):
        return _without_nul(path)
    raise wrong_type("a string", raw)


def texts(raw: object) -> tuple[str, ...]:
    """A list of strings; one string is a list of one."""
    if isinstance(raw, list | tuple):
        return tuple(text(item) for item in raw)
    return (text(raw),)


def text_by_name(raw: object) -> dict[str, str]:
    """A mapping of strings to strings, its keys kept as they are."""
    if not isinstance(raw, Mapping):
        raise wrong_type("a mapping", raw, 'write: {"name": "value"}')
    return {text(name): text(value) for name, value in raw.items()}


def words(raw: object) -> tuple[str, ...]:
    """A command: a list, or a string that is split as a shell would. Numbers in a list become text."""
    if isinstance(raw, list | tuple):
        return tuple(str(item) if is_number(item) else text(item) for item in raw)
    line = text(raw)
    try:
        return tuple(shlex.split(line))
    except ValueError as error:
        shown = show(" ".join(hide_in_argv(line.split())))
        what = f"cannot be split into words: {str(error).lower()}: {shown}"
        raise Unfit("E015", what, "close the quotation, or write a list of words") from None


def flag(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower() if isinstance(raw, str | int) else ""
    if word in YES or word in NO:
        return word in YES
    raise wrong_type("true or false", raw)


def whole(raw: object) -> int:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.strip().lstrip("+-").isdecimal() and len(raw) < SHOWN_CHARS_MAX:
        return int(raw)
    raise wrong_type("a whole number", raw)


def number(raw: object) -> float:
    if isinstance(raw, int | float | str) and not isinstance(raw, bool):
        try:
            value = float(raw)
        except (ValueError, OverflowError):
            value = math.nan
        if math.isfinite(value):
            return value
    raise wrong_type("a number", raw)


def cores(raw: object) -> float:
    """Processor time: 1.5, or "150%" as systemd has it."""
    if isinstance(raw, str) and raw.strip().endswith("%"):
        return number(raw.strip().removesuffix("%")) / 100
    return number(raw)


def seconds(raw: object) -> float:
    if isinstance(raw, int | float | str) and not isinstance(raw, bool):
        try:
            value = units.seconds(raw)
        except (ValueError, OverflowError):
            value = math.inf
        if math.isfinite(value):
            return value
    raise Unfit("E003", f"must be a duration, got {show(raw)}", 'write seconds, or "30s", "5m", "1.5h"')


def size_bytes(raw: object) -> int:
    if isinstance(raw, int | str) and not isinstance(raw, bool):
        try:
            return units.size_bytes(raw)
        except (ValueError, OverflowError):
            pass
    raise Unfit("E004", f"must be a size, got {show(raw)}", 'write bytes, or "512K", "200M", "2G"')


def choice(kind: type[E], raw: object) -> E:
    """One of an enum's words, in any case, `_` for `-` allowed."""
    word = raw.strip().lower().replace("_", "-") if isinstance(raw, str) else raw
    allowed = [member.value for member in kind]
    if isinstance(word, str) and word in allowed:
        return kind(word)
    expected = ", ".join(allowed[:-1]) + f" or {allowed[-1]}"
    raise Unfit("E007", f"must be {expected}, got {show(raw)}", suggestion(str(word), allowed))


def signal_name(raw: object) -> str:
    """ "TERM", "SIGTERM", "term" or 15 as "TERM"."""
    names = {member.name.removeprefix("SIG"): member.value for member in Signals}
    if isinstance(raw, int) and not isinstance(raw, bool) and raw in names.values():
        return Signals(raw).name.removeprefix("SIG")
    name = raw.strip().upper().removeprefix("SIG") if isinstance(raw, str) else ""
    if name in names:
        return name
    known = ("TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "WINCH")
    fix = suggestion(name, known) or 'write the name of a signal: "TERM", "INT", "QUIT", ...'
    raise Unfit("E005", f"must be a signal, got {show(raw)}", fix)


def umask(raw: object) -> int:
    """An octal string: "027". A Python number is taken as it is: 0o027."""
    return _octal(raw, "an octal file mode mask", '"027"')


def file_mode(raw: object) -> int:
    """The same of a file: "660"."""
    return _octal(raw, "an octal file mode", '"660"')


def _octal(raw: object, what: str, example: str) -> int:
    value = raw if isinstance(raw, int) and not isinstance(raw, bool) else -1
    if isinstance(raw, str) and raw and set(raw.removeprefix("0o")) <= set("01234567"):
        value = int(raw, 8)
    if 0 <= value <= 0o777:
        return value
    raise Unfit("E006", f"must be {what}, got {show(raw)}", f"write: {example}")


def is_number(raw: object) -> bool:
    return isinstance(raw, int | float) and not isinstance(raw, bool)


def suggestion(word: str, known: Iterable[str]) -> str:
    """`did you mean "ready"?`, or nothing if no known word is near."""
    close = get_close_matches(word, list(known), n=1)
    return f'did you mean "{close[0]}"?' if close else ""


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise Unfit("E002", f"must not hold a NUL character, got {show(value)}")
    return value
