"""A real systemd runs the feed reader: the story of the engines, and any value read back inside a process."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from procession.engines.systemd.options import Options
from procession.engines.systemd.render import render
from procession.stack.model import Kind, Probe, ProbeType, Process, RestartWhen, Stack
from tests.engines.story import STORY_SECONDS, tell
from tests.engines.systemd.feeds import Feeds
from tests.engines.systemd.machine import Machine, booted, needs_machine

pytestmark = [pytest.mark.slow, pytest.mark.root, needs_machine, pytest.mark.timeout(STORY_SECONDS)]
TWO = """
[stack]
name = "two"
user = "root"
env = {{ RELEASE = "{release}" }}
[stack.engines.systemd]
writable_paths = ["/srv/two"]
[processes.first]
command = "/srv/two/program"
[processes.second]
command = "sleep 1000"
"""
VALUES = [
    "a b",
    "50%",
    "%i %%",
    "$HOME ${HOME} $$",
    "'\"",
    "\\",
    "\\n",
    "a\nb",
    "# no comment",
    "ä€😀",
    ";",
    "",
    "`id`",
]
SHOW = "import json, os, sys; json.dump([sys.argv[1:], dict(os.environ)], open('said.json', 'w'))"


def test_the_story_on_systemd(tmp_path: Path) -> None:
    with booted(tmp_path / "machine") as machine:
        any_value_gets_to_a_process_as_it_was(machine)
        an_apply_that_is_called_off_is_finished_by_the_next_one(machine)
        tell(Feeds(machine))


def an_apply_that_is_called_off_is_finished_by_the_next_one(machine: Machine) -> None:
    """The first process cannot be started, so the second is not rolled; later it is, though its files are the same."""
    machine.ok("mkdir", "/srv/two")
    machine.ok("install", "/dev/null", "/srv/two/program")
    assert apply_two(machine, "1", "/bin/sh").returncode == 0
    assert "first.2 did not become ready" in apply_two(machine, "2", "/nowhere/sh").stderr
    assert "none changed" in apply_two(machine, "2", "/bin/sh").stdout
    second = main_pid(machine, "two-second@1.service")
    assert "RELEASE=2" in machine.ok("cat", f"/proc/{second}/environ").split("\0")
    apply_two(machine, "2", "/bin/sh")
    assert main_pid(machine, "two-second@1.service") == second, "there was nothing left to do"
    machine.ok(sys.executable, "-m", "procession", "-C", "/srv/two", "down")


def apply_two(machine: Machine, release: str, shell: str) -> subprocess.CompletedProcess[str]:
    machine.write("/srv/two/procession.toml", TWO.format(release=release))
    machine.write("/srv/two/program", f"#!{shell}\nexec sleep 1000\n")
    return machine.run(sys.executable, "-m", "procession", "-C", "/srv/two", "apply", "--engine", "systemd")


def main_pid(machine: Machine, unit: str) -> str:
    return machine.ok("systemctl", "show", "--property=MainPID", "--value", unit).strip()


def any_value_gets_to_a_process_as_it_was(machine: Machine) -> None:
    variables = {f"Q{number}": value for number, value in enumerate(VALUES)}
    argv, environment = show(machine, VALUES, variables)
    assert argv == VALUES
    assert {name: environment.get(name) for name in variables} == variables


def show(machine: Machine, argv: list[str], environment: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """What a task of these words and variables finds, in a directory whose name is no plain word either."""
    directory = "/srv/100% $HOME ä"
    task = Process(
        name="show",
        kind=Kind.TASK,
        backend="command",
        argv=("/usr/bin/python3", "-c", SHOW, *argv),
        environment=environment,
        directory=directory,
        readiness=Probe(type=ProbeType.NONE),
        restart=RestartWhen.NEVER,
    )
    task = replace(task, user="root")
    machine.run("mkdir", directory)
    for file in render(Stack(name="quote", directory=directory, processes=(task,)), Options()).files:
        machine.write(f"/etc/systemd/system/{file.path}", file.marked("quote"))
    machine.run("systemctl", "daemon-reload")
    done = machine.run("systemctl", "start", "quote-show.service")
    assert done.returncode == 0, machine.run("journalctl", "-u", "quote-show").stdout
    said = json.loads(machine.run("cat", f"{directory}/said.json").stdout)
    return said[0], said[1]
