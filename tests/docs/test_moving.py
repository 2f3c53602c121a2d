"""The pages for who comes from another tool, done as they are written: with that tool, and with people at the site."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.inside import PAGES
from tests.docs.machine import Machine, make_site
from tests.docs.moving import move
from tests.docs.page import ROOT, Block, blocks
from tests.engines.systemd.machine import booted, needs_machine

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="pn") as directory:
        machine = Machine(Path(directory).resolve())
        make_site(machine.site)
        yield machine
        machine.end()


def page(name: str) -> list[Block]:
    return blocks(ROOT / f"docs/how-to/{name}.md")


@pytest.mark.slow
def test_from_supervisor(machine: Machine) -> None:
    def begin() -> None:
        machine.start_supervisord()
        machine.start_nginx()

    move(machine.reader(), page("from-supervisor"), machine.front_port, begin=begin, end=lambda: None)


@pytest.mark.slow
def test_from_prodserver(machine: Machine) -> None:
    def begin() -> None:
        machine.start_nginx()
        machine.start("python", "manage.py", "prodserver", "web")

    move(machine.reader(), page("from-prodserver"), machine.front_port, begin=begin, end=machine.end_last)


@pytest.mark.slow
def test_from_a_procfile(machine: Machine) -> None:
    def begin() -> None:
        machine.start_nginx()
        machine.start("honcho", "start", "web", "worker")

    move(machine.reader(), page("from-procfile"), machine.front_port, begin=begin, end=machine.end_last)


@pytest.mark.slow
@pytest.mark.root
@needs_machine
@pytest.mark.parametrize("name", PAGES)
def test_in_a_machine_of_its_own(tmp_path: Path, name: str) -> None:
    """Within a machine that systemd has booted."""
    with booted(tmp_path / "machine") as there:
        done = there.run(sys.executable, "-m", "tests.docs.inside", name, directory=str(ROOT))
        assert done.returncode == 0, done.stdout + done.stderr


def test_from_compose(machine: Machine) -> None:
    machine.start_docker_compose()
    follow(machine, "from-compose")


def test_from_kubernetes(machine: Machine) -> None:
    follow(machine, "from-kubernetes")


def follow(machine: Machine, name: str) -> None:
    reader = machine.reader()
    for block in page(name):
        reader.follow(block)
