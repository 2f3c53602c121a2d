"""Asking installed programs what they accept: option tables out of argparse parsers and click commands.

Read from the program's own parser and not written down here, so that the next release's options are known at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import NoReturn, Protocol

from procession.backends.option import NUMBERS, Number, Option, Takes


class ClickParameter(Protocol):
    """What we read of click.Parameter: its documented attributes (click is not ours to import)."""

    opts: list[str]
    secondary_opts: list[str]
    nargs: int
    multiple: bool


class ClickCommand(Protocol):
    """What we read of click.Command."""

    @property
    def params(self) -> Sequence[ClickParameter]: ...


def from_argparse(parser: argparse.ArgumentParser) -> tuple[Option, ...]:
    """The options of an argparse parser. `_actions` is private, and has been there since argparse 1.0."""
    return tuple(_argparse_option(action) for action in parser._actions if action.option_strings)


def from_click(command: ClickCommand) -> tuple[Option, ...]:
    """The options of a click command; its arguments have no dash in front and are left out."""
    parameters = [parameter for parameter in command.params if parameter.opts[0].startswith("-")]
    return tuple(_click_option(parameter) for parameter in parameters)


def from_main(module: ModuleType, main: Callable[[], object]) -> tuple[Option, ...]:
    """The options of a parser that `main` of a module makes for itself: it gets as far as parsing, and no further.

    The module sees another `argparse` while we ask, whose parsers hand themselves over instead of parsing.
    """

    class Parser(argparse.ArgumentParser):
        def parse_args(self, *_args: object, **_keywords: object) -> NoReturn:
            raise _Parsing(self)

    theirs = vars(module)["argparse"]
    vars(module)["argparse"] = SimpleNamespace(**{**vars(argparse), "ArgumentParser": Parser})
    try:
        main()
    except _Parsing as parsing:
        return from_argparse(parsing.parser)
    finally:
        vars(module)["argparse"] = theirs
    return ()


def with_synonyms(options: Sequence[Option], synonyms: Mapping[str, str]) -> tuple[Option, ...]:
    """The options, and names that people write for them: {"address": "--host"}."""
    return tuple(
        replace(option, also=(*option.also, *(name for name, real in synonyms.items() if real in option.names)))
        for option in options
    )


class _Parsing(Exception):
    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def _argparse_option(action: argparse.Action) -> Option:
    names, opposites = _split_opposites(action.option_strings, isinstance(action, argparse.BooleanOptionalAction))
    return Option(names, _argparse_takes(action), opposites, number=_argparse_number(action))


def _split_opposites(names: Iterable[str], has_opposites: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """BooleanOptionalAction lists --x and --no-x as spellings of one option."""
    opposites = tuple(name for name in names if has_opposites and name.startswith("--no-"))
    return tuple(name for name in names if name not in opposites), opposites


def _argparse_takes(action: argparse.Action) -> Takes:
    if action.nargs == 0:
        return Takes.NOTHING
    if action.nargs == argparse.OPTIONAL:
        return Takes.MAYBE
    if action.nargs is not None and action.nargs != 1:
        return Takes.SPREAD
    return Takes.REPEATED if isinstance(action, argparse._AppendAction) else Takes.ONE


def _argparse_number(action: argparse.Action) -> Number | None:
    return NUMBERS.get(action.type) if isinstance(action.type, type) else None


def _click_option(parameter: ClickParameter) -> Option:
    opposites = tuple(parameter.secondary_opts)
    return Option(tuple(parameter.opts), _click_takes(parameter), opposites, number=_click_number(parameter))


def _click_number(parameter: ClickParameter) -> Number | None:
    """click's own types say their name; a range is one too (IntRange: "integer range"), its bounds are not ours."""
    name = getattr(getattr(parameter, "type", None), "name", "")
    return {"integer": Number.WHOLE, "float": Number.ANY}.get(str(name).removesuffix(" range"))


def _click_takes(parameter: ClickParameter) -> Takes:
    """`is_flag` and `count` are attributes of click.Option alone; a boolean value's type is click's BoolParamType."""
    if getattr(parameter, "is_flag", False) or getattr(parameter, "count", False):
        return Takes.NOTHING
    if type(getattr(parameter, "type", None)).__name__ == "BoolParamType":
        return Takes.TRUTH
    if parameter.multiple:
        return Takes.REPEATED
    return Takes.ONE if parameter.nargs == 1 else Takes.SPREAD
