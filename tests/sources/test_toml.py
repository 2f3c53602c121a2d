"""procession.toml and [tool.procession]: the same words as in settings, and the line of each key."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.sources.toml import has_table, read_toml
from procession.sources.toml_lines import key_lines
from procession.stack.declare import declare

TEXT = '''\
[stack]
name = "site"
env = { A = 1 }

[processes.web]
backend = "gunicorn"
args = [
    "--bind", "[::]:80",  # ] not the end
]
readiness.path = "/health/"

[processes.worker]
"command" = """
sleep
# no comment
"""
log.max_size = "5M"
log."keep" = 3

[development.web]
command = "x"
'''


def written(directory: Path, text: str, name: str = "procession.toml") -> str:
    (directory / name).write_text(text)
    return str(directory / name)


def test_a_file_declares_processes_and_what_is_common(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT)
    read = declare(read_toml(path))
    assert (read.problems, read.names, read.stack_name) == ((), ("web", "worker"), "site")
    web, worker = read.said
    assert web.declaration.args == ("--bind", "[::]:80")
    assert web.declaration.env == {"A": "1"}
    assert worker.declaration.log is not None
    assert worker.declaration.log.keep == 3
    origin = worker.written("log.keep").origin()
    assert (origin.source, origin.file, origin.line, origin.key) == ("toml", path, 18, "processes.worker.log.keep")


def test_for_development(tmp_path: Path) -> None:
    read = declare(read_toml(written(tmp_path, TEXT), development=True))
    assert [one.declaration.command for one in read.said] == [("x",)]
    assert read.said[0].place.origin().text() == f"development.web in {tmp_path}/procession.toml:20"


def test_in_pyproject(tmp_path: Path) -> None:
    text = '[project]\nname = "x"\n[tool.procession.processes.web]\ncommand = "run"\nreplicas = "x"\n'
    path = written(tmp_path, text, "pyproject.toml")
    assert has_table(path)
    [problem] = declare(read_toml(path)).problems
    assert problem.origin == f"processes.web.replicas in {path}:5"


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("[tool.procession]\n", True),
        ("[tool.procession.processes.web]\ncommand = 'x'\n", True),
        ("[tool.other]\nx = 'procession'\n", False),
        ("[project]\n", False),
        ("[tool.procession]\n= broken\n", True),
        ("[tool.other]\n= procession\n", False),
    ],
)
def test_whether_pyproject_says_anything_to_us(tmp_path: Path, text: str, *, has: bool) -> None:
    assert has_table(written(tmp_path, text, "pyproject.toml")) is has


WRONG = [
    ("[process.web]\ncommand = 'x'\n", "process: is no table that Procession knows [procession.E001]",
     "from {path}:1 · did you mean \"processes\"?"),
    ("stack = 5\n", "stack: must be a table, got 5 [procession.E002]", "from {path}:1 · write: [stack.NAME]"),
    ("[processes.web]\ncommand = 'x'\nrestart = 'no'\n",
     'web.restart: must be always, on-failure or never, got "no" [procession.E007]',
     "from processes.web.restart in {path}:3"),
    ("a = 1\na = 2\n",
     "procession.toml: is not valid TOML: Cannot overwrite a value (at line 2, column 6) [procession.E032]",
     "from {path}:2 · correct it there"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "first", "second"), WRONG, ids=[first for _, first, _ in WRONG])
def test_a_mistake_says_its_line(tmp_path: Path, text: str, first: str, second: str) -> None:
    path = written(tmp_path, text)
    [problem] = declare(read_toml(path)).problems
    assert [" ".join(line.split()) for line in problem.lines()] == [first, second.format(path=path)]


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "procession.toml").write_bytes(b"[stack]\nname = '\xff'\n")
    [problem] = read_toml(str(tmp_path / "procession.toml")).problems
    assert [" ".join(line.split()) for line in problem.lines()] == [
        "procession.toml: is not valid UTF-8: byte 0xff in line 2 [procession.E032]",
        f"from {tmp_path}/procession.toml:2 · save the file as UTF-8",
    ]


def test_a_byte_order_mark_and_crlf_are_no_matter(tmp_path: Path) -> None:
    (tmp_path / "procession.toml").write_bytes(b"\xef\xbb\xbf[processes.web]\r\ncommand = 'x'\r\n")
    declared = read_toml(str(tmp_path / "procession.toml"))
    assert declared.processes == {"web": {"command": "x"}}
    assert declared.lines["processes", "web", "command"] == 2


NAMES = st.sampled_from(["a", "b-c", '"d e"', "'f.g'", "h"])
VALUES = st.sampled_from(
    [
        "1",
        '"x"',
        "'#'",
        '"""\n[z]\nq = 1\n"""',
        "'''\nq = 1\n'''",
        "[1,\n # ]\n 2]",
        '{ i = "}" }',
        '"\\"#"',
        "2024-01-01",
    ]
)
LINES = st.tuples(NAMES, VALUES).map(" = ".join)
TABLES = st.tuples(st.lists(NAMES, min_size=1, max_size=3).map(".".join), st.lists(LINES, max_size=3))


@given(st.lists(TABLES, max_size=4))
def test_every_key_that_the_parser_sees_has_the_line_it_is_on(tables: list[tuple[str, list[str]]]) -> None:
    lines: list[str] = []
    for header, assignments in tables:
        lines += [f"[{header}]", *assignments, "# comment = 1", ""]
    text = "\n".join(lines)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = key_lines(text)
    assert {path for path in found if len(path) == 1} == {(key,) for key in document}
    for path, line in found.items():
        value: object = document
        for key in path:
            assert isinstance(value, dict)
            value = value[key]
        assert text.split("\n")[line - 1].lstrip()[0] not in "#]"
