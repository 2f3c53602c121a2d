"""Procfiles, as Heroku, foreman and honcho read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from procession.sources.procfile import read_procfile
from procession.stack.declare import NAME_RULE, declare
from procession.stack.declared import Declared
from procession.stack.model import Condition, Dependency, Kind


def read(directory: Path, text: str, environ: dict[str, str] | None = None) -> Declared:
    (directory / "Procfile").write_text(text)
    return read_procfile(str(directory / "Procfile"), environ or {})


def test_a_line_is_a_process(tmp_path: Path) -> None:
    declared = read(
        tmp_path, "# comment\n\nweb: gunicorn mysite.wsgi -w 4\nmy-worker_2:   A=1 celery -A x worker  \r\n"
    )
    web, worker = declare(declared).said
    assert (web.name, web.declaration.command) == ("web", ("gunicorn", "mysite.wsgi", "-w", "4"))
    assert (worker.name, worker.declaration.command) == ("my-worker_2", ("celery", "-A", "x", "worker"))
    assert worker.declaration.env == {"PORT": "5100", "A": "1"}
    assert web.place.origin().text() == f"web in {tmp_path}/Procfile:3"


def test_release_is_a_task_that_the_others_wait_for(tmp_path: Path) -> None:
    release, web = declare(read(tmp_path, "release: ./manage.py migrate\nweb: run\n")).said
    assert release.declaration.type is Kind.TASK
    assert release.declaration.depends_on == ()
    assert release.declaration.env == {}
    assert web.declaration.type is None
    assert web.declaration.depends_on == (Dependency("release", Condition.READY),)


PORTS = "worker: a\nrelease: b\nweb: c\nclock: d\n"


@pytest.mark.parametrize(
    ("environ", "dotenv", "first"),
    [({}, None, 5000), ({"PORT": "80"}, "PORT=90", 80), ({}, "PORT=90", 90), ({"PORT": "x"}, None, 5000)],
)
def test_web_gets_the_port_and_the_others_one_hundred_more_each(
    tmp_path: Path, environ: dict[str, str], dotenv: str | None, first: int
) -> None:
    if dotenv:
        (tmp_path / ".env").write_text(dotenv)
    said = declare(read(tmp_path, PORTS, environ)).said
    ports = {one.name: one.declaration.env.get("PORT") for one in said}
    assert ports == {"web": f"{first}", "worker": f"{first + 100}", "clock": f"{first + 200}", "release": None}


def test_a_port_of_its_own_wins(tmp_path: Path) -> None:
    [web] = declare(read(tmp_path, "web: PORT=1234 run\n")).said
    assert web.declaration.env == {"PORT": "1234"}


def test_the_env_file_beside_it(tmp_path: Path) -> None:
    assert declare(read(tmp_path, "web: run\n")).said[0].declaration.env_file == ()
    (tmp_path / ".env").write_text("A=1")
    assert declare(read(tmp_path, "web: run\n")).said[0].declaration.env_file == (f"{tmp_path}/.env",)


WRONG = [
    ("web run\n", "Procfile: line 1 is no `name: command` [procession.E032]", "from {path}:1 · write: web: gunicorn x"),
    ("a: x\n\na: y\n", "a: is said twice [procession.E034]", "from {path}:3 · rename one of them"),
    ("a: run 'x\n", "a: cannot be split into words: no closing quotation [procession.E015]",
     "from {path}:1 · close the quotation"),
    ("a: b | c\n",
     "a: its shell stays between us and the program: a stop signal does not reach the program [procession.W006]",
     "from {path}:1 · put the line into a script that ends in: exec program"),
    ("9a: x\n", '9a: is no name for a process: "9a" [procession.E008]',
     f"from 9a in {{path}}:1 · {NAME_RULE}"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "first", "second"), WRONG, ids=[first for _, first, _ in WRONG])
def test_a_mistake_says_its_line(tmp_path: Path, text: str, first: str, second: str) -> None:
    [problem] = declare(read(tmp_path, text)).problems
    lines = [" ".join(line.split()) for line in problem.lines()]
    assert lines == [first, second.format(path=tmp_path / "Procfile")]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    [problem] = read_procfile(str(tmp_path / "Procfile"), {}).problems
    assert problem.lines()[0].split("  ")[0] == "Procfile: cannot be read: No such file or directory"
