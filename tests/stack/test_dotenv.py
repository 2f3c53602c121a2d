"""Env files: what we read is what python-dotenv reads, and where systemd would read something else it is said."""

from __future__ import annotations

import io
import logging

import pytest
from dotenv import dotenv_values
from hypothesis import assume, example, given
from hypothesis import strategies as st

from procession.stack.dotenv import parse
from procession.stack.systemd_env import differences
from procession.stack.systemd_env import read as read_as_systemd


def values(text: str) -> dict[str, str]:
    file = parse(text, "/srv/.env")
    assert file.problems == ()
    return file.values()


# The lines of PEERS that honcho mangles are first.
READINGS = [
    ("A=hello world", {"A": "hello world"}),
    ("SECRET_KEY=abc#def$ghi", {"SECRET_KEY": "abc#def$ghi"}),
    ("export FOO=bar", {"FOO": "bar"}),
    ('JSON={"a": 1}', {"JSON": '{"a": 1}'}),
    ("D=a\\nb", {"D": "a\\nb"}),
    ('PEM="-----BEGIN\nabc=\n-----END"\nB=1', {"PEM": "-----BEGIN\nabc=\n-----END", "B": "1"}),
    ('PEM="a\\nb"', {"PEM": "a\nb"}),
    ("A='$HOME ${X} `x`'", {"A": "$HOME ${X} `x`"}),
    ('A="$HOME ${X}"', {"A": "$HOME ${X}"}),
    ("A=${X}", {"A": "${X}"}),
    ("A=b # c", {"A": "b"}),
    ("A='b' # c", {"A": "b"}),
    ("A=# b", {"A": "# b"}),
    ("A= # b", {"A": ""}),
    ("A=", {"A": ""}),
    ("  A  =  b  ", {"A": "b"}),
    ("A='it\\'s'", {"A": "it's"}),
    ('A="say \\"x\\""', {"A": 'say "x"'}),
    ('A="a\\\\"\nB="c"', {"A": "a\\", "B": "c"}),
    ("A=it's", {"A": "it's"}),
    ("A=1\r\nB=2\rC=3", {"A": "1", "B": "2", "C": "3"}),
    ("# only this\n\n   # and this", {}),
    ("A=1\nA=2", {"A": "2"}),
    ("A=b=c==", {"A": "b=c=="}),
    ("A=é", {"A": "é"}),
    ("", {}),
]


@pytest.mark.parametrize(("text", "expected"), READINGS, ids=[repr(text) for text, _ in READINGS])
def test_a_file_reads(text: str, expected: dict[str, str]) -> None:
    assert values(text) == expected


WRONG = [
    ("A=1\nB", 2, "has no =", "write: NAME=value"),
    ("A='x", 1, "no closing '", "close the quotation with '"),
    ('A="x"y', 1, 'text after the closing "', 'put it inside of the quotes, or write \\" for "'),
    ("A.B=1", 1, "does not begin with the name of a variable and =", "use letters, digits and _, a digit not first"),
    ("1A=1", 1, "does not begin with the name of a variable and =", "use letters, digits and _, a digit not first"),
    ("=1", 1, "does not begin with the name of a variable and =", "use letters, digits and _, a digit not first"),
    ("export A B=1", 1, "does not begin with the name of a variable and =",
     "use letters, digits and _, a digit not first"),
    ("A=a\0b", 1, "A has a NUL character in it", "take it out"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "what", "fix"), WRONG, ids=[repr(text) for text, *_ in WRONG])
def test_a_wrong_line_is_said_and_the_others_are_read(text: str, line: int, what: str, fix: str) -> None:
    file = parse(f"{text}\nLAST=1", "/srv/.env")
    [problem] = file.problems
    assert [" ".join(part.split()) for part in problem.lines()] == [
        f".env: line {line}: {what} [procession.E038]",
        f"from /srv/.env:{line} · {fix}",
    ]
    assert file.values()["LAST"] == "1"


def test_a_line_that_may_be_a_piece_of_a_secret_is_not_quoted() -> None:
    file = parse("KEY=\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nhunter2=x y\n-----END KEY-----", "/srv/.env")
    assert "MIIE" not in str(file.problems)


def test_a_line_number_is_that_of_the_name() -> None:
    file = parse('# c\nA="1\n2\n3"\nB=4', "/srv/.env")
    assert [(one.name, one.line) for one in file.assignments] == [("A", 2), ("B", 5)]


PIECES = st.sampled_from(
    ["A", "B_1", "=", " ", "\t", "\n", "'", '"', "\\", "#", "x", "$", "{", "}", "export ", "n", ";", "\r"]
)
TEXTS = st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=30)


@given(TEXTS)
@example("A='x'\n")
@example('A="\\\\"')
def test_what_we_read_is_what_python_dotenv_reads(text: str) -> None:
    """Of every file that we take. But for `\\\\`, which may stand before a closing quote."""
    assume("\\\\" not in text and "\0" not in text)
    logging.disable()
    file = parse(text, "/srv/.env")
    if not file.problems:
        theirs = dotenv_values(stream=io.StringIO(text, newline=""), interpolate=False)
        assert file.values() == theirs


@given(TEXTS)
def test_nothing_in_a_file_raises(text: str) -> None:
    file = parse(text, "/srv/.env")
    differences(text, file, "/srv/.env")
    assert all(one.line <= text.count("\n") + text.count("\r") + 1 for one in file.assignments)


# After systemd.exec(5), EnvironmentFile=, and its reader.
AS_SYSTEMD = [
    ("A=b # c", {"A": "b # c"}),
    ("A=hello world  ", {"A": "hello world"}),
    ("A=abc#def$ghi", {"A": "abc#def$ghi"}),
    ("; comment\n# comment\nA=1", {"A": "1"}),
    ("export A=b", {}),
    ("A=a\\nb", {"A": "anb"}),
    ("A=a \\\n b", {"A": "a  b"}),
    ('A="a\\nb"', {"A": "a\\nb"}),
    ('A="a\\$b\\"c"', {"A": 'a$b"c'}),
    ("A='a\\b'", {"A": "a\\b"}),
    ('A="x"y', {"A": "xy"}),
    ("A='x' 'y'", {"A": "xy"}),
    ('A="one\ntwo"', {"A": "one\ntwo"}),
    ("A\nB=1", {"B": "1"}),
    ("A.B=1\n1C=2", {}),
    ("A=it's", {"A": "it's"}),
    ("A=", {"A": ""}),
]


@pytest.mark.parametrize(("text", "expected"), AS_SYSTEMD, ids=[repr(text) for text, _ in AS_SYSTEMD])
def test_how_systemd_reads(text: str, expected: dict[str, str]) -> None:
    assert {one.name: one.value for one in read_as_systemd(text)} == expected


def test_where_systemd_reads_something_else_it_is_said_once_without_values() -> None:
    text = "A=b # c\nB=same\nexport C=hunter2\n"
    [problem] = differences(text, parse(text, "/srv/.env"), "/srv/.env")
    assert [" ".join(part.split()) for part in problem.lines()] == [
        (
            ".env: systemd's EnvironmentFile= would not read it as python-dotenv and we do: A (line 1), C (line 3)"
            " [procession.W002]"
        ),
        (
            "from /srv/.env:1 · write what both read alike: no `export`, no comment behind a value, quotes around"
            " blanks and backslashes"
        ),
    ]


COMMON = st.text("abcXYZ019 _-./:=#${}'é", max_size=20).map(str.strip)


@given(st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,5}", fullmatch=True), COMMON))
def test_in_double_quotes_all_three_agree(variables: dict[str, str]) -> None:
    """The form that a person is told to write when readers disagree."""
    text = "".join(f'{name}="{value}"\n' for name, value in variables.items())
    assert values(text) == variables
    assert differences(text, parse(text, "/srv/.env"), "/srv/.env") == []
    assert dotenv_values(stream=io.StringIO(text), interpolate=False) == variables
