"""A backend class written for django-prodserver runs as it is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from procession.backends.base import Command
from procession.backends.registry import find
from procession.stack.model import Declaration
from tests.backends.serving import SITE, SITE_DIRECTORY, errors, free_port, get_when_up, running

OWN = "mysite.foreign.Own"


def build(path: str, declaration: Declaration) -> Command:
    backend = find(path)
    assert backend is not None
    return backend.build(declaration, SITE, 30.0)


def run(command: Command, settings: Mapping[str, object]) -> None:
    environment = {"PATH": "/bin", "MYSITE_PROCESSES": json.dumps(settings), **command.environment}
    subprocess.run(command.argv, cwd=SITE_DIRECTORY, env=environment, check=True, timeout=60)


@pytest.mark.parametrize(("args", "given"), [({"a": "1"}, "first --a=1"), (("--b", "2"), "first --b 2"), ({}, "first")])
def test_it_gets_its_configuration_and_its_arguments(args: dict[str, str], given: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    declared = {"other": {"BACKEND": "x.Y"}, "mine": {"BACKEND": OWN, "ARGS": args, "OUT": str(out)}}
    run(build(OWN, Declaration(args=args)), declared)
    assert out.read_text() == f"{OWN} {given}"


def test_of_two_declarations_the_one_with_these_args_is_meant(tmp_path: Path) -> None:
    declared = {name: {"BACKEND": OWN, "ARGS": {"name": name}, "OUT": str(tmp_path / name)} for name in ("one", "two")}
    run(build(OWN, Declaration(args={"name": "two"})), declared)
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_a_module_that_is_nowhere_is_a_problem() -> None:
    assert errors(build("nowhere.at.All", Declaration())) == ["E050 backend"]
    (problem,) = build("mysite.foreing.Own", Declaration()).problems
    assert problem.what == "there is no module 'mysite.foreing' for 'mysite.foreing.Own'"


def test_a_subclass_of_the_real_one_serves(tmp_path: Path) -> None:
    """django-prodserver itself is installed for this test; its GunicornServer reads sys.argv."""
    (tmp_path / "theirs.py").write_text(
        "from django_prodserver.backends.servers.gunicorn import GunicornServer\n"
        "class Theirs(GunicornServer):\n"
        "    def prep_server_args(self):\n"
        "        return [*super().prep_server_args(), '--no-control-socket']\n"
    )
    port = free_port()
    backend = find("theirs.Theirs")
    assert backend is not None
    command = backend.build(Declaration(args={"bind": f"127.0.0.1:{port}"}), SITE, 30.0)
    environment = {**command.environment, "PYTHONPATH": str(tmp_path)}
    with running(command.argv, tmp_path, environment=environment) as web:
        assert get_when_up(web, f"127.0.0.1:{port}") == (200, "hello")
        web.signal("TERM")
        assert web.exit_status() in backend.profile(command).success
