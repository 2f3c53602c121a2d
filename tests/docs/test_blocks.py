"""Every block of code on every page is right: settings declare what can be run, commands are ones that we have."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from procession.console import main
from procession.load import load
from procession.sources.settings import read_settings
from procession.sources.toml import read_toml
from procession.stack.model import Site
from tests.docs.kinds import FOLLOWED, RUN_BY, WRONG_ON_PURPOSE, is_declaration, is_settings
from tests.docs.page import Block, blocks, pages

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
BEFORE = "import django.conf; django.conf.settings.configure(INSTALLED_APPS=[]); django.setup(); send_invoices = list\n"
PROGRAM = re.compile(r"/srv/mysite/\S+")
EVERY = [block for page in pages() for block in blocks(page) if block.page != WRONG_ON_PURPOSE]


def of(*languages: str) -> list[Block]:
    return [block for block in EVERY if block.language in languages]


def declarations() -> list[Block]:
    return [block for block in of("python") if is_declaration(block)]


@pytest.mark.parametrize("block", declarations(), ids=lambda block: block.place)
def test_a_declaration_on_a_page_has_no_mistake(block: Block, tmp_path: Path) -> None:
    said = run(block.text)
    unknown = OF_THE_MACHINE | ({"E018"} if block.text.lstrip().startswith('"') else set())  # it is a piece of a whole
    site = Site(directory=str(tmp_path), python=sys.executable, settings_module="mysite.settings", has_app=True)
    for key in ("PRODUCTION_PROCESSES", "DEVELOPMENT_PROCESSES"):
        if key in said:
            declared = read_settings(said[key], said.get("PRODUCTION_STACK"), "mysite.settings")
            assert declared.processes, "it declares nothing"
            assert [problem for problem in load(declared, site)[1] if problem.id not in unknown] == []


def run(text: str) -> dict[str, Any]:
    """The names that a piece of settings sets. A piece may be the inside of PRODUCTION_PROCESSES, or of a process."""
    said: dict[str, Any] = {"INSTALLED_APPS": [], "MIDDLEWARE": [], "PORT": 8000, "send_invoices": list}
    text = textwrap.dedent(text)
    if text.startswith('"'):
        text = f"PRODUCTION_PROCESSES = {{{text}}}"
    elif text.startswith("{"):
        text = f'PRODUCTION_PROCESSES = {{"web": {text}}}'
    exec(text, said)
    return said


def settings() -> list[Block]:
    return [block for block in of("python") if is_settings(block) and block.page not in FOLLOWED]


@pytest.mark.parametrize("block", settings(), ids=lambda block: block.place)
def test_other_python_on_a_page_can_be_executed(block: Block, tmp_path: Path) -> None:
    """In a process of its own, with Django's own settings; PRODUCTION_STACK is read as a site's."""
    file = tmp_path / "piece.py"
    file.write_text(BEFORE + block.text)
    subprocess.run([sys.executable, str(file)], check=True, cwd=tmp_path)
    if "PRODUCTION_STACK" in block.text:
        said = run(block.text)
        declared = read_settings({"web": {"BACKEND": "gunicorn"}}, said["PRODUCTION_STACK"], "mysite.settings")
        site = Site(
            directory=str(tmp_path),
            python=sys.executable,
            settings_module="mysite.settings",
            has_app=True,
            admins=tuple(said.get("ADMINS", ())),
        )
        assert [problem for problem in load(declared, site)[1] if problem.id not in OF_THE_MACHINE] == []


@pytest.mark.parametrize("block", of("yaml", "json"), ids=lambda block: block.place)
def test_yaml_on_a_page_can_be_read(block: Block) -> None:
    """And JSON, which is YAML."""
    assert all(yaml.safe_load_all(block.text))


@pytest.mark.parametrize("block", of("dockerfile"), ids=lambda block: block.place)
def test_a_command_in_a_dockerfile_on_a_page_is_a_list(block: Block) -> None:
    instruction, _, words = block.text.partition(" ")
    assert instruction == "CMD"
    assert json.loads(words)[0] in ("procession", "python")


@pytest.mark.parametrize("block", of("ini"), ids=lambda block: block.place)
def test_a_unit_on_a_page_is_understood_by_systemd(block: Block, tmp_path: Path) -> None:
    """Where it is one: supervisord's files and Ansible's are read by these, in test_moving.py."""
    if "[Service]" not in block.text and "[Socket]" not in block.text:
        assert block.page in FOLLOWED
        return
    unit = tmp_path / f"mysite.{'service' if '[Service]' in block.text else 'socket'}"
    unit.write_text(PROGRAM.sub("/bin/true", block.text))
    argv = ["systemd-analyze", "verify", "--recursive-errors=no", str(unit)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert not [line for line in done.stderr.splitlines() if f"{unit}:" in line], done.stderr


def test_every_block_of_code_is_run_by_a_test_or_says_why_not() -> None:
    every = [block for page in pages() for block in blocks(page)]
    left = [block.place for block in every if not block.reason and not any(rule(block) for rule in RUN_BY.values())]
    assert left == []


def test_no_reason_stands_above_what_is_no_block() -> None:
    for page in pages():
        said = len(re.findall(r"^ *<!-- not run: ", page.read_text(), re.MULTILINE))
        assert said == len([block for block in blocks(page) if block.reason]), page


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
