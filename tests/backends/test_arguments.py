"""ARGS become the argv that a person means, whatever form they are written in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from procession.backends.arguments import check, overridden, replaced, to_flags
from procession.backends.argv import parse, values, without
from procession.backends.option import Number, Option, Takes

BIND = Option(("-b", "--bind"), Takes.REPEATED)
WORKERS = Option(("-w", "--workers"))
OPTIONS = (
    BIND,
    WORKERS,
    Option(("--preload",), Takes.NOTHING, also=("preload_app",)),
    Option(("--access-log",), Takes.NOTHING, opposites=("--no-access-log",)),
    Option((), Takes.NOTHING, opposites=("--no-sendfile",), also=("sendfile",)),
    Option(("--access-logfile",), also=("accesslog",)),
    Option(("--limit-request-field_size",)),
    Option(("--ws-per-message-deflate",), Takes.TRUTH),
    Option(("-Q", "--queues"), Takes.JOINED),
    Option(("--exclude",), Takes.SPREAD),
    Option(("--proxy-protocol",), Takes.MAYBE),
    Option(("--threads",), number=Number.WHOLE),
)


@pytest.mark.parametrize(
    ("args", "known", "unknown"),
    [
        ({"bind": "x:1"}, "--bind=x:1", "--bind=x:1"),
        ({"bind": ["a", "b"]}, "--bind=a --bind=b", "--bind=a --bind=b"),
        ({"bind": ("a", "b")}, "--bind=a --bind=b", "--bind=a --bind=b"),
        ({"bind": []}, "", ""),
        ({"--bind": "x"}, "--bind=x", "--bind=x"),
        ({"workers": 4}, "--workers=4", "--workers=4"),
        ({"workers": "4"}, "--workers=4", "--workers=4"),
        ({"workers": 1.5}, "--workers=1.5", "--workers=1.5"),
        ({"w": 4}, "-w 4", "-w 4"),
        ({"-w": 4}, "-w 4", "-w 4"),
        ({"access_logfile": "-"}, "--access-logfile=-", "--access-logfile=-"),
        ({"accesslog": "-"}, "--access-logfile=-", "--accesslog=-"),
        ({"access_logfile": Path("/log/a")}, "--access-logfile=/log/a", "--access-logfile=/log/a"),
        ({"limit-request-field-size": 9}, "--limit-request-field_size=9", "--limit-request-field-size=9"),
        ({"preload": None}, "--preload", "--preload"),
        ({"preload": True}, "--preload", "--preload"),
        ({"preload": "True"}, "--preload", "--preload"),
        ({"preload": False}, "", ""),
        ({"preload": "False"}, "", ""),
        ({"preload": "yes"}, "--preload", "--preload=yes"),
        ({"preload": 1}, "--preload", "--preload=1"),
        ({"preload": 0}, "", "--preload=0"),
        ({"preload_app": True}, "--preload", "--preload-app"),
        ({"access_log": False}, "--no-access-log", ""),
        ({"access_log": "False"}, "--no-access-log", ""),
        ({"no_access_log": "True"}, "--no-access-log", "--no-access-log"),
        ({"no-access-log": False}, "--access-log", ""),
        ({"sendfile": False}, "--no-sendfile", ""),
        ({"sendfile": True}, "", "--sendfile"),
        ({"no-sendfile": True}, "--no-sendfile", "--no-sendfile"),
        ({"no-sendfile": False}, "", ""),
        ({"ws_per_message_deflate": False}, "--ws-per-message-deflate=false", ""),
        ({"ws_per_message_deflate": "True"}, "--ws-per-message-deflate=true", "--ws-per-message-deflate"),
        ({"queues": ["a", "b"]}, "--queues=a,b", "--queues=a --queues=b"),
        ({"Q": ["a", "b"]}, "-Q a,b", "-Q a -Q b"),
        ({"exclude": ["a", "b"]}, "--exclude a b", "--exclude=a --exclude=b"),
        ({"proxy-protocol": None}, "--proxy-protocol", "--proxy-protocol"),
        ({"proxy-protocol": "v2"}, "--proxy-protocol=v2", "--proxy-protocol=v2"),
        ({"workers": 2, "preload": True}, "--workers=2 --preload", "--workers=2 --preload"),
        (["--bind", "x", "-w4"], "--bind x -w4", "--bind x -w4"),
        (("--preload", "True"), "--preload True", "--preload True"),
    ],
)
def test_args_become_flags(args: Mapping[str, object] | Sequence[str], known: str, unknown: str) -> None:
    assert to_flags(args, OPTIONS) == tuple(known.split())
    assert to_flags(args) == tuple(unknown.split())
    assert check(args, OPTIONS) == ()


@pytest.mark.parametrize(
    ("args", "id", "where", "fix"),
    [
        ({"worker": 4}, "E040", "args.worker", 'did you mean "workers"?'),
        ({"BIND": "x"}, "E040", "args.BIND", 'did you mean "bind"?'),
        ({"xyzzy": 4}, "E040", "args.xyzzy", "take it out, or look at the program's --help"),
        (["--wokers=4"], "E040", "args.wokers", 'did you mean "workers"?'),
        ({"bind": {"host": "x"}}, "E041", "args.bind", "write a text, a number, a boolean or a list of texts"),
        ({"bind": ["x", None]}, "E041", "args.bind", "write a text, a number, a boolean or a list of texts"),
        ({"preload": "maybe"}, "E042", "args.preload", "write True or False"),
        ({"workers": None}, "E043", "args.workers", "write its value, or leave it out"),
        ({"workers": True}, "E043", "args.workers", "write its value, or leave it out"),
        ({"workers": [1, 2]}, "E044", "args.workers", "write one of them"),
        ({"threads": "eight"}, "E049", "args.threads", "write it in digits"),
        ({"threads": 1.5}, "E049", "args.threads", "write it in digits"),
    ],
)
def test_what_a_program_would_not_take_is_a_problem(args: Mapping[str, object], id: str, where: str, fix: str) -> None:
    (problem,) = check(args, OPTIONS)
    assert (problem.id, problem.where, problem.fix) == (id, where, fix)


def test_every_problem_is_found_at_once() -> None:
    wrong = {"worker": 1, "preload": "maybe", "bind": object(), "workers": None}
    assert sorted(problem.id for problem in check(wrong, OPTIONS)) == ["E040", "E041", "E042", "E043"]


def test_a_program_that_cannot_be_asked_knows_every_option_for_all_we_know() -> None:
    assert check({"worker": 4}) == ()
    assert [problem.id for problem in check({"worker": {}})] == ["E041"]


def test_the_command_line_replaces_what_it_says_again() -> None:
    args = {"workers": 4, "bind": ["a", "b"], "access-log": False}
    assert overridden(args, ["-w", "8", "--access-log"], OPTIONS) == ("--bind=a", "--bind=b", "-w", "8", "--access-log")
    assert replaced(args, ["-w", "8", "--access-log"], OPTIONS) == ("workers", "no-access-log")
    assert overridden(args, ["-bc"], OPTIONS) == ("--workers=4", "--no-access-log", "-bc")
    assert overridden({"xx": 1, "yy": 2}, ["--xx=3"]) == ("--yy=2", "--xx=3")
    assert overridden(("--x", "1", "word"), ["--x=3"]) == ("word", "--x=3")
    assert overridden({"xx": 1}, []) == ("--xx=1",)


def test_options_are_found_however_they_are_spelled() -> None:
    argv = ("-b", "x", "-by", "--bind=z", "--preload", "app:app", "--", "--bind=no")
    assert values(argv, BIND) == ("x", "y", "z")
    assert without(argv, BIND) == ("--preload", "app:app", "--", "--bind=no")


def test_words_are_told_from_values_by_what_the_program_accepts() -> None:
    argv = ("--preload", "app:app", "--workers", "4", "--exclude", "a", "b", "--access-logfile", "-")
    assert [(given.name, given.value) for given in parse(argv, OPTIONS)] == [
        ("preload", None),
        ("", None),
        ("workers", "4"),
        ("exclude", "a b"),
        ("access-logfile", "-"),
    ]
