"""Tables, suggestions and counts, as text."""

from __future__ import annotations

import io

from procession.console.text import Cell, Ink, cut, plural, problem_lines, suggestion, table
from procession.errors import Problem

PLAIN = Ink(io.StringIO())


def test_columns_are_as_wide_as_their_widest_cell_and_numbers_stand_right() -> None:
    rows = [[Cell("web.1"), Cell("7", is_number=True)], [Cell("worker.10"), Cell("1234", is_number=True)]]
    assert table(["NAME", "PID"], rows, PLAIN) == ["NAME        PID", "web.1         7", "worker.10  1234"]


def test_a_column_that_is_empty_throughout_is_left_out() -> None:
    rows = [[Cell("web.1"), Cell(""), Cell("x")], [Cell("web.2"), Cell(""), Cell("")]]
    assert table(["NAME", "NONE", "LAST"], rows, PLAIN) == ["NAME   LAST", "web.1  x", "web.2"]


def test_colour_does_not_count_as_width() -> None:
    ink = Ink(io.StringIO())
    ink.is_on = True
    lines = table(["NAME", "STATE"], [[Cell("a", "red"), Cell("b")], [Cell("long"), Cell("c")]], ink)
    assert lines[1] == "\x1b[31ma\x1b[0m     b"


def test_cut() -> None:
    assert cut("short", 10) == "short"
    assert cut("much too long", 8) == "much to…"


def test_plural() -> None:
    assert [plural(1, "process"), plural(2, "process"), plural(0, "instance")] == [
        "1 process",
        "2 processes",
        "0 instances",
    ]


def test_suggestions() -> None:
    assert suggestion("stauts", ["status", "start"]) == ', did you mean "status"?'
    assert suggestion("xyz", ["status", "start"]) == ""


def test_errors_come_after_warnings_and_the_count_last() -> None:
    error = Problem("E001", "web.bakend", "unknown key", "procession.toml:3", 'did you mean "backend"?')
    warning = Problem("W001", "web", "is slow")
    lines = problem_lines([error, warning], PLAIN)
    assert lines[0].startswith("warning: web: is slow")
    assert lines[1].startswith("error: web.bakend: unknown key")
    assert lines[-1] == "1 problem, 1 warning"


def test_a_warning_of_many_places_is_said_once_and_an_error_in_each_place() -> None:
    warnings = [Problem("W100", f"worker{n}.liveness", "nobody asks", f"settings:{n}", "ask") for n in range(5)]
    errors = [Problem("E001", f"worker{n}.bakend", "unknown key", f"settings:{n}") for n in range(2)]
    assert problem_lines([*warnings, *errors], PLAIN) == [
        "warning: worker0.liveness, worker1.liveness, worker2.liveness, 2 more: nobody asks [procession.W100]",
        "    from settings:0 · ask",
        "error: worker0.bakend: unknown key                                              [procession.E001]",
        "    from settings:0",
        "error: worker1.bakend: unknown key                                              [procession.E001]",
        "    from settings:1",
        "2 problems, 5 warnings",
    ]
