"""Reading an argv: which options it gives, so that one can be looked up or taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from procession.backends.option import Option, Takes, by_name, normal


@dataclass(frozen=True, slots=True)
class Given:
    """One option as it stands in an argv: its normal name ("bind"; "" for a positional word), its words, its value."""

    name: str
    words: tuple[str, ...]
    value: str | None = None
    option: Option | None = None

    @property
    def is_unknown(self) -> bool:
        """An option that the table does not have."""
        return bool(self.name) and self.option is None

    def is_same(self, other: Given) -> bool:
        """Do both say something about the same option?"""
        if self.option or other.option:
            return self.option == other.option
        return bool(self.name) and self.name == other.name


def parse(argv: Sequence[str], options: Sequence[Option] = ()) -> tuple[Given, ...]:
    """The options of an argv, one by one, and its positional words.

    An option that is not in `options` is believed to take the next word as its value unless that begins with a dash.
    """
    known = by_name(options)
    found: list[Given] = []
    rest = list(argv)
    while rest:
        given = _first(rest, known)
        found.append(given)
        del rest[: len(given.words)]
    return tuple(found)


def values(argv: Sequence[str], option: Option) -> tuple[str, ...]:
    """What an argv says for one option that takes a value, in order: ("a", "b") for --bind=a -b b."""
    return tuple(given.value for given in parse(argv, (option,)) if given.option and given.value is not None)


def without(argv: Sequence[str], *dropped: Option) -> tuple[str, ...]:
    """The argv with these options taken out, wherever and however they are spelled."""
    return tuple(word for given in parse(argv, dropped) if not given.option for word in given.words)


def _first(rest: Sequence[str], known: Mapping[str, Option]) -> Given:
    """The option that an argv begins with. "--" ends the options; a lone "-" is a word."""
    word = rest[0]
    if word == "--":
        return Given("", tuple(rest))
    if not word.startswith("-") or word == "-" or word[1].isdigit():
        return Given("", (word,))
    head, equals, value = _cut(word)
    option = known.get(normal(head))
    if equals or not _takes_next(option, rest):
        return Given(normal(head), (word,), value if equals else None, option)
    if option and option.takes is Takes.SPREAD:
        return _spread(normal(head), rest, option)
    return Given(normal(head), (word, rest[1]), rest[1], option)


def _cut(word: str) -> tuple[str, bool, str]:
    """ "--bind=x" and "-bx" are an option with its value."""
    if word.startswith("--"):
        head, equals, value = word.partition("=")
        return head, bool(equals), value
    return word[:2], len(word) > 2, word[2:]


def _takes_next(option: Option | None, rest: Sequence[str]) -> bool:
    """Is the next word this option's value?"""
    if len(rest) < 2 or (option and option.takes is Takes.NOTHING):
        return False
    certain = option is not None and option.takes not in (Takes.MAYBE, Takes.SPREAD)
    return certain or rest[1] == "-" or not rest[1].startswith("-")


def _spread(name: str, rest: Sequence[str], option: Option) -> Given:
    end = next((at for at, word in enumerate(rest[1:], 1) if word.startswith("-")), len(rest))
    return Given(name, tuple(rest[:end]), " ".join(rest[1:end]), option)
