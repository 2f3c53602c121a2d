"""Every block of code on every page is right: settings declare what can be run, commands are ones that we have."""

from __future__ import annotations

import shlex
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from procession.console import main
from procession.load import load
from procession.sources.settings import read_settings
from procession.sources.toml import read_toml
from procession.stack.model import Site
from tests.docs.page import Block, blocks, pages

WRONG_ON_PURPOSE = "docs/reference/problems.md"  # written from what the checks say of it
OF_THE_MACHINE = {
    "E027",
    "E028",
    "E029",
    "E037",
    "E045",
    "E060",
    "W003",
    "W007",
    "W063",
}  # what only the reader's own has
EVERY = [block for page in pages() for block in blocks(page) if block.page != WRONG_ON_PURPOSE]


def of(*languages: str) -> list[Block]:
    return [block for block in EVERY if block.language in languages]


def declarations() -> list[Block]:
    return [block for block in of("python") if "BACKEND" in block.text or "COMMAND" in block.text]


@pytest.mark.parametrize("block", declarations(), ids=lambda block: block.place)
def test_a_declaration_on_a_page_has_no_mistake(block: Block, tmp_path: Path) -> None:
    said = run(block.text)
    unknown = OF_THE_MACHINE | ({"E018"} if block.text.lstrip().startswith('"') else set())  # it is a piece of a whole
    site = Site(directory=str(tmp_path), python=sys.executable, settings_module="mysite.settings")
    for key in ("PRODUCTION_PROCESSES", "DEVELOPMENT_PROCESSES"):
        if key in said:
            declared = read_settings(said[key], said.get("PRODUCTION_STACK"), "mysite.settings")
            assert declared.processes, "it declares nothing"
            assert [problem for problem in load(declared, site)[1] if problem.id not in unknown] == []


def run(text: str) -> dict[str, object]:
    """The names that a piece of settings sets. A piece may be the inside of PRODUCTION_PROCESSES, or of a process."""
    said: dict[str, object] = {"INSTALLED_APPS": [], "PORT": 8000}
    text = textwrap.dedent(text)
    if text.startswith('"'):
        text = f"PRODUCTION_PROCESSES = {{{text}}}"
    elif text.startswith("{"):
        text = f'PRODUCTION_PROCESSES = {{"web": {text}}}'
    exec(text, said)
    return said


@pytest.mark.parametrize("block", of("toml"), ids=lambda block: block.place)
def test_a_toml_file_on_a_page_has_no_mistake(block: Block, tmp_path: Path) -> None:
    assert tomllib.loads(block.text)
    file = tmp_path / "procession.toml"
    file.write_text(block.text)
    site = Site(directory=str(tmp_path), python=sys.executable)
    for is_development in (False, True):
        problems = load(read_toml(str(file), development=is_development), site)[1]
        assert [problem for problem in problems if problem.id not in OF_THE_MACHINE] == []


def commands() -> list[tuple[str, str]]:
    """(place, command) of each `procession ...` that is typed."""
    typed = [(block.place, typed.command.partition("||")[0]) for block in of("console") for typed in block.commands()]
    return [(place, command) for place, command in typed if command.startswith("procession ")]


@pytest.mark.parametrize(("place", "command"), commands())
def test_a_command_on_a_page_is_one_that_we_have(place: str, command: str) -> None:
    before, name, after = main.split(shlex.split(command, comments=True)[1:])
    assert name in main.verbs()
    main.parse(main.load(name), name, before + after, "procession")
