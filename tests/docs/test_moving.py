"""The pages for who comes from another tool, done as they are written: with that tool, and with people at the site."""

from __future__ import annotations

import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.project import await_true
from tests.docs.machine import Machine
from tests.docs.page import ROOT, Block, blocks
from tests.docs.reader import Reader
from tests.e2e.load import Load

CLIENTS = 4


@pytest.fixture
def machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="pn") as directory:
        machine = Machine(Path(directory).resolve())
        machine.make_site()
        yield machine
        machine.end()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_from_supervisor(machine: Machine) -> None:
    reader, page = machine.reader(), blocks(ROOT / "docs/how-to/from-supervisor.md")
    write(reader, page)
    machine.start_supervisord()
    machine.start_nginx()
    follow_under_load(machine, reader, page)


def write(reader: Reader, page: list[Block]) -> None:
    """The files of the page: what its reader has."""
    for block in page:
        if block.title.startswith("/"):
            reader.follow(block)
    reader.directory = reader.home / "srv/mysite"
    for block in page:
        if block.title and not block.title.startswith("/"):
            reader.follow(block)


def follow_under_load(machine: Machine, reader: Reader, page: list[Block]) -> None:
    """What is typed, with clients at the front from when it answers to the end; not one of them is refused."""
    await_true(lambda: is_served(machine.front_port), "what they had serves")
    with Load(machine.front_port, clients=CLIENTS) as load:
        for block in page:
            if block.language == "console":
                reader.follow(block)
        load.go_on(20)
    assert load.failures() == []


def is_served(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
