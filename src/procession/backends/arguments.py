"""ARGS to argv: a person writes a mapping, a list or a string, and the program gets the options that the person means.

Nothing here fails. What cannot be said on a command line is left out by `to_flags` and reported by `check`; both read
the same table of options. An empty table means that the program could not be asked; then spelling is taken on trust.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from procession.backends.argv import parse
from procession.backends.option import Number, Option, Takes, by_name, normal
from procession.errors import Problem
from procession.stack.values import suggestion

Args = Mapping[str, object] | Sequence[str]  # as Declaration.args: a string has been split already

YES = frozenset({"true", "yes", "on", "1"})
NO = frozenset({"false", "no", "off", "0"})
WANTS_VALUE = frozenset({Takes.ONE, Takes.REPEATED, Takes.JOINED, Takes.SPREAD})
WANTS_ONE = frozenset({Takes.ONE, Takes.MAYBE, Takes.TRUTH})


def to_flags(args: Args, options: Sequence[Option] = ()) -> tuple[str, ...]:
    """The argv that ARGS mean. A sequence is passed as it is: its author has already written an argv.

    In a mapping underscores, dashes and leading dashes mean the same; True and None are a bare flag; False leaves the
    option out, or says its opposite where there is one; a list repeats the option (or joins it with commas, as the
    program wants it); numbers and paths are text; "True" and "False" are a flag's values where the option is not known
    to take a text. A one-letter key is a short option: -w 4.
    """
    if not isinstance(args, Mapping):
        return tuple(args)
    known = by_name(options)
    return tuple(word for key, value in args.items() for word in _words(key, value, known.get(normal(str(key)))))


def check(args: Args, options: Sequence[Option] = (), *, where: str = "args") -> tuple[Problem, ...]:
    """What the program would not accept or `to_flags` cannot say: E040 to E044, E049; `where` goes before the key."""
    if not isinstance(args, Mapping):
        return unknown_options((given.name for given in parse(args, options) if given.is_unknown), options, where)
    known = by_name(options)
    strangers = (str(key) for key in args if normal(str(key)) not in known)
    wrong = (_wrong_value(f"{where}.{key}", value, known.get(normal(str(key)))) for key, value in args.items())
    return unknown_options(strangers, options, where) + tuple(problem for problem in wrong if problem)


def unknown_options(keys: Iterable[str], options: Sequence[Option], where: str) -> tuple[Problem, ...]:
    """E040 for each key, with the nearest option that the program has; none if the program could not be asked."""
    strangers = tuple(keys)
    if not options or not strangers:
        return ()
    names = sorted({normal(name) for option in options for name in (*option.names, *option.opposites, *option.also)})
    return tuple(Problem("E040", f"{where}.{key}", "no such option", fix=_suggestion(key, names)) for key in strangers)


def overridden(args: Args, extra: Sequence[str], options: Sequence[Option] = ()) -> tuple[str, ...]:
    """ARGS with arguments of the command line after them; what both say is said by the command line alone."""
    said = parse(extra, options)
    declared = parse(to_flags(args, options), options)
    kept = (given for given in declared if not any(given.is_same(other) for other in said))
    return tuple(word for given in kept for word in given.words) + tuple(extra)


def _words(key: str, value: object, option: Option | None) -> Iterator[str]:
    name = _spelling(key, option)
    truth = _truth(value, option)
    if option and option.takes is Takes.TRUTH and truth is not None:
        yield f"{name}={str(truth).lower()}"
    elif truth is not None:
        yield from _flag(name, truth, option)
    elif isinstance(value, list | tuple):
        yield from _listed(name, [text for item in value if (text := _text(item)) is not None], option)
    elif (text := _text(value)) is not None and not (option and option.takes is Takes.NOTHING):
        yield from _pair(name, text)


def _spelling(key: str, option: Option | None) -> str:
    """The key as the program spells it; a key that it does not know becomes --key, or -k for a letter."""
    name = normal(key)
    if option is None:
        return f"-{name}" if len(name) == 1 else f"--{name}"
    return next((known for known in (*option.names, *option.opposites) if normal(known) == name), option.long)


def _truth(value: object, option: Option | None) -> bool | None:
    """Does the value switch a flag on or off? None: it is a text of its own."""
    if value is None or isinstance(value, bool):
        return value is not False
    is_flag = option is not None and option.takes in (Takes.NOTHING, Takes.TRUTH)
    if is_flag and isinstance(value, str | int):
        word = str(value).strip().lower()
        return True if word in YES else False if word in NO else None
    if option is None and value in ("True", "False"):
        return value == "True"
    return None


def _flag(name: str, truth: bool, option: Option | None) -> Iterator[str]:
    """--x; for False its opposite (of --no-x that is --x), or nothing where there is none."""
    if not truth and option:
        name = option.long if name in option.opposites else "".join(option.opposites[:1])
    if name and (truth or option):
        yield name


def _listed(name: str, texts: list[str], option: Option | None) -> Iterator[str]:
    if option and option.takes is Takes.JOINED:
        yield from _pair(name, ",".join(texts)) if texts else ()
    elif option and option.takes is Takes.SPREAD:
        yield from (name, *texts) if texts else ()
    else:
        for text in texts:
            yield from _pair(name, text)


def _pair(name: str, text: str) -> tuple[str, ...]:
    """--x=text: one word, so that a text with a dash in front stays a value. A short option has no such form."""
    return (f"{name}={text}",) if name.startswith("--") else (name, text)


def _text(value: object) -> str | None:
    """The value as one word, or None for what has no place on a command line."""
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    return None


def _wrong_value(where: str, value: object, option: Option | None) -> Problem | None:
    if not _can_be_said(value):
        what = f"cannot be put on a command line, got a {type(value).__name__}"
        return Problem("E041", where, what, fix="write a text, a number, a boolean or a list of texts")
    if option is None:
        return None
    if option.takes is Takes.NOTHING and _truth(value, option) is None:
        return Problem("E042", where, f"is a flag and takes no value, got {value!r}", fix="write True or False")
    if option.takes in WANTS_VALUE and (value is None or value is True):
        return Problem("E043", where, f"needs a value, got {value!r}", fix="write its value, or leave it out")
    if option.takes in WANTS_ONE and isinstance(value, list | tuple) and len(value) > 1:
        return Problem("E044", where, f"takes one value, got {len(value)}", fix="write one of them")
    return _wrong_number(where, value, option.number) if option.number else None


def _wrong_number(where: str, value: object, number: Number) -> Problem | None:
    """E049. A list has been looked at: its items, if it may have any, are the program's to read."""
    if not isinstance(value, str | float) or isinstance(value, bool):
        return None
    try:
        float(value) if number is Number.ANY else int(str(value))
    except ValueError:
        return Problem("E049", where, f"must be {number}, got {value!r}", fix="write it in digits")
    return None


def _can_be_said(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_text(item) is not None for item in value)
    return value is None or _text(value) is not None


def _suggestion(key: str, names: Sequence[str]) -> str:
    return suggestion(normal(key).lower(), names) or "take it out, or look at the program's --help"
