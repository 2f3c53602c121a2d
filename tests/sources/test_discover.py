"""Which file declares the site of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from procession.errors import Problem
from procession.sources.discover import Found, SourceKind, discover

ALL = {
    "procession.toml": "[processes.web]\ncommand = 'x'\n",
    "pyproject.toml": "[tool.procession.processes.web]\ncommand = 'x'\n",
    "manage.py": "",
    "Procfile": "web: x\n",
}


def fill(directory: Path, *names: str) -> Path:
    directory.mkdir(exist_ok=True, parents=True)
    for name in names:
        (directory / name).write_text(ALL.get(name, ""))
    return directory


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("procession.toml", "pyproject.toml", "manage.py", "Procfile"), "procession.toml"),
        (("pyproject.toml", "manage.py", "Procfile"), "pyproject.toml"),
        (("manage.py", "Procfile"), "manage.py"),
        (("Procfile",), "Procfile"),
    ],
)
def test_what_wins(tmp_path: Path, names: tuple[str, ...], found: str) -> None:
    fill(tmp_path, *names)
    kinds = {"manage.py": SourceKind.SETTINGS, "Procfile": SourceKind.PROCFILE}
    manage = str(tmp_path / "manage.py") if "manage.py" in names else ""
    assert discover(str(tmp_path)) == Found(
        kind=kinds.get(found, SourceKind.TOML), file=str(tmp_path / found), directory=str(tmp_path), manage=manage
    )


def test_a_pyproject_that_says_nothing_to_us_does_not_count(tmp_path: Path) -> None:
    fill(tmp_path, "Procfile")
    inner = fill(tmp_path / "inner")
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    found = discover(str(inner))
    assert isinstance(found, Found)
    assert found.file == str(tmp_path / "Procfile")


def test_from_a_folder_upwards(tmp_path: Path) -> None:
    fill(tmp_path, "manage.py")
    found = discover(str(fill(tmp_path / "a" / "b")))
    assert isinstance(found, Found)
    assert found.directory == str(tmp_path)


def test_for_development(tmp_path: Path) -> None:
    fill(tmp_path, "Procfile", "Procfile.dev")
    found = discover(str(tmp_path), development=True)
    assert isinstance(found, Found)
    assert (found.file, found.development) == (str(tmp_path / "Procfile.dev"), True)


def test_a_file_or_a_folder_may_be_named(tmp_path: Path) -> None:
    inner = fill(tmp_path / "inner", "manage.py", "Procfile", "Procfile.test", "x.toml")
    for name, kind in (("Procfile.test", SourceKind.PROCFILE), ("x.toml", SourceKind.TOML), ("", SourceKind.SETTINGS)):
        found = discover(str(tmp_path), f"inner/{name}")
        assert isinstance(found, Found)
        assert (found.kind, found.directory) == (kind, str(inner))


def text(problem: Found | Problem) -> list[str]:
    assert isinstance(problem, Problem)
    return [" ".join(line.split()) for line in problem.lines()]


LOOKED = "procession.toml, [tool.procession] in pyproject.toml, manage.py or Procfile"


def test_when_nothing_is_found_it_says_where_it_looked(tmp_path: Path) -> None:
    assert text(discover(str(tmp_path))) == [
        f"site: nothing declares it: found no {LOOKED} in {tmp_path} and the folders above it [procession.E031]",
        "go to the site's folder, or write one: procession init",
    ]
    fill(tmp_path / "src", "manage.py")
    assert text(discover(str(tmp_path)))[1] == "there is one in src/: go there"


def test_what_was_named_is_not_there(tmp_path: Path) -> None:
    assert text(discover(str(tmp_path), "x.toml"))[0] == "x.toml: there is no such file or directory [procession.E031]"
    fill(tmp_path / "inner", "setup.cfg")
    assert text(discover(str(tmp_path), "inner"))[0] == (
        f"site: nothing declares it: found no {LOOKED} in {tmp_path}/inner [procession.E031]"
    )
    assert text(discover(str(tmp_path), "inner/setup.cfg"))[0] == (
        f"{tmp_path}/inner/setup.cfg: is no declaration that we can read [procession.E031]"
    )
