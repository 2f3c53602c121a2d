"""systemd's unit files and env files. A value that they have no way to hold is Unwritable, never written wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Entry = tuple[str, str]  # a key and its value, in the words of the format
Section = tuple[str, Sequence[Entry]]

BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@")
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
SPECIAL_IN_PATTERNS = frozenset("*?[]{}\\")
ESCAPED_IN_ENV_FILES = '"\\`$'
KEPT_IN_ENV_FILES = "\t\n"  # of the control characters; systemd drops a variable with another (env_value_is_valid())


class Unwritable(ValueError):
    """A format has no way to write this value; says which one and why, without the value."""


def systemd_unit(sections: Iterable[Section]) -> str:
    """A unit file, of sections whose values are written already (systemd.syntax(7))."""
    blocks = ["\n".join([f"[{name}]", *(f"{key}={value}" for key, value in entries)]) for name, entries in sections]
    return "\n\n".join(blocks) + "\n"


def systemd_value(value: str) -> str:
    """For a setting that takes the rest of its line: WorkingDirectory=, EnvironmentFile=, ListenStream=, Description=.

    `%` begins a specifier and is doubled; a backslash at the end would join the next line to it, and blanks at either
    end are not read. Raises Unwritable.
    """
    if value != value.strip() or value.endswith("\\") or has_control_character(value) or not is_unicode(value):
        raise Unwritable("systemd reads no blank or backslash at its end, and no control character in it")
    return value.replace("%", "%%")


def systemd_pattern(path: str) -> str:
    """For EnvironmentFile=, which takes a pattern of glob(3), braces included. Raises Unwritable."""
    return systemd_value("".join(f"\\{one}" if one in SPECIAL_IN_PATTERNS else one for one in path))


def systemd_words(words: Iterable[str]) -> str:
    """For a setting that takes a list of words: ReadWritePaths=, Environment=, and the arguments of ExecStart=."""
    return " ".join(map(systemd_word, words))


def systemd_word(word: str) -> str:
    """One word, in quotes where it needs them; bytes that are no UTF-8 and control characters by their number.

    Control characters come back from ExecStart= and Environment= alone: other settings read no `\\n`.
    """
    if word and BARE.issuperset(word):
        return word
    return '"' + "".join(map(_escaped, word.replace("%", "%%"))) + '"'


def systemd_command(argv: Sequence[str]) -> str:
    """For ExecStart= and its kin. The colon in front keeps systemd from putting variables in for `$`; since 244."""
    return ":" + systemd_words(argv)


def systemd_env_file(variables: Mapping[str, str]) -> str:
    """A file for EnvironmentFile=, read as `procession.stack.systemd_env` does. Raises Unwritable."""
    return "".join(f"{name}={_env_file_value(name, value)}\n" for name, value in variables.items())


def _env_file_value(name: str, value: str) -> str:
    if any(is_control(one) and one not in KEPT_IN_ENV_FILES for one in value) or not is_unicode(value):
        raise Unwritable(f"systemd sets no variable with a control character or with bytes that are no UTF-8: {name}")
    return '"' + "".join(f"\\{one}" if one in ESCAPED_IN_ENV_FILES else one for one in value) + '"'


def _escaped(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if is_control(character) or not is_unicode(character):
        return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
    return character


def is_control(character: str) -> bool:
    """As C has it: below a space, or DEL."""
    return character < " " or character == "\x7f"


def has_control_character(value: str) -> bool:
    return any(map(is_control, value))


def is_unicode(value: str) -> bool:
    """False for what holds bytes that are no UTF-8, which Python keeps as lone surrogates."""
    return not any("\ud800" <= one <= "\udfff" for one in value)
