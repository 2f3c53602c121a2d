"""Any value comes back as it was: read by a parser that is written after systemd's own."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.engines.text.systemd import Unwritable, systemd_command, systemd_env_file, systemd_value, systemd_word
from procession.stack.systemd_env import read

ESCAPED = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
KEPT = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\t\n"))


def unquote(word: str) -> str:
    """extract_first_word() with EXTRACT_UNQUOTE | EXTRACT_CUNESCAPE, then specifiers: `%%` is `%` (systemd 252)."""
    if not word.startswith('"'):
        return word.replace("%%", "%")
    body, data, index = word[1:-1], bytearray(), 0
    while index < len(body):
        if body[index] != "\\":
            data += body[index].encode()
            index += 1
        elif body[index + 1] == "x":
            data.append(int(body[index + 2 : index + 4], 16))
            index += 4
        else:
            data += ESCAPED[body[index + 1]].encode()
            index += 2
    return data.decode("utf-8", "surrogateescape").replace("%%", "%")


@given(TEXTS)
def test_a_word_comes_back(word: str) -> None:
    written = systemd_word(word)
    assert unquote(written) == word
    assert "\n" not in written
    assert "%" not in written.replace("%%", "")


@given(st.lists(TEXTS, min_size=1))
def test_a_command_is_as_many_words_as_it_was(argv: list[str]) -> None:
    line = systemd_command(argv)
    assert line[0] == ":"
    assert len(shlex.split(line[1:])) == len(argv)


@given(KEPT)
def test_a_variable_comes_back(value: str) -> None:
    (found,) = read(systemd_env_file({"NAME": value}))
    assert (found.name, found.value) == ("NAME", value)


@given(TEXTS)
def test_a_value_is_one_line_or_refused(value: str) -> None:
    try:
        written = systemd_value(value)
    except Unwritable:
        return
    assert written.replace("%%", "%") == value == value.strip()
    assert "\n" not in written


@pytest.mark.parametrize("value", ["a\nb", "a\\", " a", "a\x1b", "\udc80"])
def test_what_a_line_cannot_hold_is_refused(value: str) -> None:
    with pytest.raises(Unwritable):
        systemd_value(value)


def test_bytes_that_are_no_text_go_by_number() -> None:
    assert systemd_word("\udc80") == '"\\x80"'
