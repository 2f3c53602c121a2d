"""A line of a Procfile as an argv: what it does is what sh would do, and the program is the process itself."""

from __future__ import annotations

import os
import subprocess

import pytest

from procession.stack.shell import Line, exec_last, expand, to_argv, words_of

LINES = [
    ("gunicorn x -w 4", Line(("gunicorn", "x", "-w", "4"), {})),
    ("A=1 B='x y' run me", Line(("run", "me"), {"A": "1", "B": "x y"})),
    ("exec run", Line(("run",), {})),
    ("run 'a b' \"c\"", Line(("run", "a b", "c"), {})),
    ("run --bind 0.0.0.0:$PORT", Line(("/bin/sh", "-c", "exec run --bind 0.0.0.0:$PORT"), {})),
    ("A=$B run", Line(("/bin/sh", "-c", "A=$B exec run"), {})),
    ("cd app && run x", Line(("/bin/sh", "-c", "cd app && exec run x"), {})),
    ("a; b || c 2>&1 > log", Line(("/bin/sh", "-c", "a; b || exec c 2>&1 > log"), {})),
    ("cd app && exec run", Line(("/bin/sh", "-c", "cd app && exec run"), {})),
    ('run "a && b" *.txt', Line(("/bin/sh", "-c", 'exec run "a && b" *.txt'), {})),
    ("run ${PORT:-80}", Line(("/bin/sh", "-c", "exec run ${PORT:-80}"), {})),
    ("a | b", Line(("/bin/sh", "-c", "a | b"), {}, reaches_program=False)),
    ("a & b", Line(("/bin/sh", "-c", "a & b"), {}, reaches_program=False)),
    ("(a; b)", Line(("/bin/sh", "-c", "(a; b)"), {}, reaches_program=False)),
    ("run $(nproc)", Line(("/bin/sh", "-c", "run $(nproc)"), {}, reaches_program=False)),
    ("if a; then b; fi", Line(("/bin/sh", "-c", "if a; then b; fi"), {}, reaches_program=False)),
    ("while :; do a; done", Line(("/bin/sh", "-c", "while :; do a; done"), {}, reaches_program=False)),
    ("a && cd x", Line(("/bin/sh", "-c", "a && cd x"), {}, reaches_program=False)),
    ("a;", Line(("/bin/sh", "-c", "a;"), {}, reaches_program=False)),
]


@pytest.mark.parametrize(("line", "expected"), LINES, ids=[line for line, _ in LINES])
def test_a_line_as_an_argv(line: str, expected: Line) -> None:
    assert to_argv(line) == expected


@pytest.mark.parametrize("line", ["", "  ", "run 'x", 'run "x'])
def test_no_line(line: str) -> None:
    with pytest.raises(ValueError):
        to_argv(line)


SAME = [
    "printf '%s|' a 'b c' \"d\"",
    "A=1 B='x y' sh -c 'echo $A $B'",
    'echo $X ${Y:-why} "$X"',
    "X=2 sh -c 'echo $X'",
    "cd / && pwd && printf '%s\\n' done",
    "false || echo or; true && echo and",
    "echo a > /dev/null; echo b 2>&1",
    "echo one | tr o 0",
    "echo 'quoted && ; |' \"and $X;\"",
    "echo $(echo inner) `echo old`",
    "true # a comment && false",
    "printf '%s' a\\ b",
    "A=$X sh -c 'echo got $A'",
    "A=\"$X y\" sh -c 'echo got $A'",
    "exec echo out",
    "echo /bin/s[h]",
    "! true",
    "exit 3",
]


@pytest.mark.parametrize("line", SAME)
def test_it_does_what_sh_does(line: str) -> None:
    environment = {"PATH": os.environ["PATH"], "X": "ex"}
    ours = to_argv(line)
    mine = subprocess.run(ours.argv, env={**environment, **ours.variables}, capture_output=True, check=False)
    theirs = subprocess.run(["/bin/sh", "-c", line], env=environment, capture_output=True, check=False)
    assert (mine.returncode, mine.stdout) == (theirs.returncode, theirs.stdout)


@pytest.mark.parametrize(
    "line", ["exec_me", "sleep 60", "A=1 sleep $X", "cd / && A=$X sleep 60", "true; sleep 60 2>&1"]
)
def test_the_program_is_the_process_itself(line: str) -> None:
    """So a signal to the pid is a signal to the program: it is not the child of a shell."""
    line = line.replace("exec_me", "sleep 60")
    ours = to_argv(line)
    child = subprocess.Popen(ours.argv, env={**os.environ, **ours.variables, "X": "60"})
    try:
        while os.readlink(f"/proc/{child.pid}/exe").rpartition("/")[2] in {"dash", "sh", "bash"}:
            os.sched_yield()
        assert os.readlink(f"/proc/{child.pid}/exe").rpartition("/")[2] in {"sleep", "coreutils"}
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("a", "b"), ["a", "b"]),
        (("/bin/sh", "-c", "cd x && exec a b"), ["a", "b"]),
        (("sh", "-c", "A=1 exec env B=2 a"), ["a"]),
        (("bash", "-lc", "a | b"), []),
        (("env", "A=1", "a"), ["a"]),
    ],
)
def test_the_words_of_the_program(argv: tuple[str, ...], words: list[str]) -> None:
    assert words_of(argv) == words


def test_variables_that_are_known_are_put_in() -> None:
    known = {"PORT": "80"}
    assert expand("$PORT ${PORT} ${PORT:-1} ${X:-9} $X ${X}", known) == "80 80 80 9 $X ${X}"


def test_a_last_command_that_is_a_word_of_the_shell_stays() -> None:
    assert exec_last("export A=1") is None
    assert exec_last("A=1") is None
