"""`procession upgrade`: from one installed copy to another, with everything going on."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from procession.supervisor.linux.state import VERSION
from tests.backends.serving import free_port
from tests.console.project import COMMAND, Project, await_true
from tests.console.versions import install

SITE = """
[processes.web]
command = "sleep 1000"
replicas = 3

[processes.seven]
command = ["sh", "-c", "trap 'exit 7' USR1; while :; do sleep 1000 & wait; done"]
"""


HELLO = """
def app(environment, start_response):
    start_response("200 OK", [])
    return [b"hello"]
"""
WEB = """
[processes.web]
backend = "gunicorn"
app = "hello:app"
args = {{ bind = "127.0.0.1:{port}" }}
"""


def up(project: Project, text: str = SITE) -> dict[str, int]:
    project.declare(text)
    project.ok("up", "-d")
    return pids(project)


def pids(project: Project) -> dict[str, int]:
    return {view["name"]: view["pid"] for view in project.status()["instances"]}


def own(project: Project) -> Mapping[str, object]:
    return dict(project.status()["supervisor"])


def test_up_and_down_again(project: Project, tmp_path: Path) -> None:
    before = up(project)
    first = own(project)
    for version in ("9.0", "8.0"):
        previous = own(project)["version"]
        project.command = install(tmp_path / version, version)
        said = project.ok("upgrade").err
        pid = first["pid"]
        assert said == f"procession {previous} -> {version} (supervisor pid {pid}, as before), 4 instances adopted\n"
        assert (own(project)["version"], own(project)["pid"]) == (version, pid)
        assert pids(project) == before
    recorded = [line for line in project.ok("events", "-n", "all").out.splitlines() if "upgraded" in line]
    assert [line.partition("from ")[2] for line in recorded] == [f"{first['version']}, to 9.0", "9.0, to 8.0"]


def test_the_recorder_is_of_the_new_version_too(project: Project, tmp_path: Path) -> None:
    up(project)
    old = own(project)["recorder_pid"]
    project.command = install(tmp_path / "new", "9.0")
    project.ok("upgrade")
    await_true(lambda: own(project)["recorder_pid"] not in (0, old), "there is another recorder")
    pid = own(project)["recorder_pid"]
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    assert words[3].startswith(os.fsencode(tmp_path / "new"))
    os.kill(int(str(own(project)["pid"])), signal.SIGKILL)  # and it watches the supervisor, as the one before it did
    await_true(lambda: project.run("status").code == 0, "the recorder has started the supervisor")
    assert own(project)["version"] == "9.0"


def test_how_an_instance_ends_is_known_as_before(project: Project) -> None:
    pid = up(project)["seven.1"]
    project.ok("upgrade")
    os.kill(pid, signal.SIGUSR1)
    await_true(lambda: project.instance("seven.1")["last_exit"], "it has ended")
    assert project.instance("seven.1")["last_exit"] == "exited with 7"


def test_a_listener_that_no_instance_has_stays_open(project: Project) -> None:
    """It is nowhere but in the supervisor: what connects meanwhile waits in its backlog."""
    port = free_port()
    (project.directory / "hello.py").write_text(HELLO)
    up(project, WEB.format(port=port))
    project.ok("stop", "web")
    with socket.create_connection(("127.0.0.1", port), timeout=10):
        project.ok("upgrade")
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    project.ok("start", "web")
    project.ok("down")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_what_a_person_did_and_what_failed_stays_so(project: Project, tmp_path: Path) -> None:
    project.declare(SITE + '\n[processes.migrate]\ncommand = "false"\ntype = "task"\n')
    assert project.run("up", "-d").code == 1
    project.ok("stop", "seven")
    project.ok("scale", "web=1")
    project.command = install(tmp_path / "new", "9.0")
    project.ok("upgrade")
    phases = {view["name"]: view["phase"] for view in project.status()["instances"]}
    assert phases == {"web.1": "ready", "seven.1": "stopped", "migrate.1": "failed"}


BROKEN: Mapping[str, tuple[Mapping[str, tuple[str, str]], str]] = {
    "does not compile": ({"supervisor/linux/begin.py": ("def begin(", "def begin((")}, "SyntaxError"),
    "recorder does not compile": ({"recorder/hand.py": ("class Hand:", "class Hand")}, "SyntaxError"),
    "another format of the state": (
        {"supervisor/linux/state.py": (f"VERSION = {VERSION}", "VERSION = 99")},
        f"state.json is of format {VERSION}, and this version knows format 99",
    ),
    "another format of the stack": (
        {"stack/model.py": ("    version: int = 1  # of this format", "    edition: int = 1")},
        "this version does not understand what runs (stack.json: Stack: unknown fields ['version'])",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_cannot_take_over_changes_nothing(project: Project, tmp_path: Path, how: str) -> None:
    before, supervisor = up(project), own(project)
    changes, why = BROKEN[how]
    project.command = install(tmp_path / "new", "9.0", changes)
    ended = project.run("upgrade")
    project.command = COMMAND
    assert (ended.code, ended.out) == (4, "")
    assert why in ended.err
    assert "nothing was changed" in ended.err
    assert own(project)["began"] == supervisor["began"]
    assert pids(project) == before


def test_what_dies_at_its_start_leads_back_to_the_old_version(project: Project, tmp_path: Path) -> None:
    before, supervisor = up(project), own(project)
    dying = {"supervisor/linux/begin.py": ("    supervisor.recorder.begin()\n", "    os._exit(3)\n")}
    project.command = install(tmp_path / "new", "9.0", dying)
    ended = project.run("upgrade")
    project.command = COMMAND
    assert ended.code == 4, ended
    back = f"procession 9.0 ended at its start; procession {supervisor['version']} was started again by the recorder"
    assert back in ended.err
    assert own(project)["version"] == supervisor["version"]
    assert pids(project) == before


def test_it_waits_for_no_command_and_ends_none(project: Project) -> None:
    slow = '["sh", "-c", "trap \'sleep 1000 & wait\' TERM; while :; do sleep 1000 & wait; done"]'
    up(project, f"[processes.slow]\ncommand = {slow}\n")
    project.ok("stop", "slow", "--no-wait")
    ended = project.run("upgrade")
    assert ended.code == 1
    assert "slow.1 is stopping; try again when that is done" in ended.err
    project.ok("signal", "slow", "KILL")
    await_true(lambda: project.instance("slow.1")["phase"] == "stopped", "it is gone")
    project.ok("upgrade")


def test_no_supervisor(project: Project) -> None:
    project.declare(SITE)
    assert project.run("upgrade").code == 3


@pytest.mark.parametrize("kill", [False, True])
def test_up_in_the_foreground_goes_on(project: Project, kill: bool) -> None:
    project.declare(SITE)
    view = project.terminal("up")
    view.await_text("site is up")
    before = pids(project)
    if kill:
        os.kill(int(str(own(project)["pid"])), signal.SIGKILL)
    else:
        project.ok("upgrade")
    view.await_text("another supervisor has taken over; everything goes on")
    assert pids(project) == before
    view.press_ctrl_c()
    assert view.ended() == 0
    assert project.members() == []
